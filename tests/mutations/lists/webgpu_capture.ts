/** Mutations of work that WebGPU queues again. */

import type { Mutation } from "../mutation.ts";

const own = ["tests/kernels/webgpu/capture_test.ts"];
const captures = ["tests/core/capture_test.ts"];
const kept = ["tests/core/capture_kept_test.ts"];
const moving = ["tests/core/capture_moving_test.ts"];
const lifetimes = ["tests/kernels/plan/lifetimes_test.ts"];
const [work, capturing] = ["gpu_work", "gpu_capturing"].map((name) =>
  `kernels/webgpu/queue/${name}.ts`
) as [string, string];

/** Mutations of work that WebGPU queues again. */
export const webGpuCaptureMutations: readonly Mutation[] = [
  {
    name: "captures by WebGPU: bind groups stay where memory is other memory",
    file: work,
    find: "for (const dispatch of this.#users[memory]!) this.#groups[dispatch] = undefined;",
    replace: "",
    why: "inputs and what is used meanwhile may lie elsewhere",
    tests: own,
  },
  {
    name: "captures by WebGPU: memory that was given back is used",
    file: work,
    find: "if (others.some((buffer) => buffer.slab.holder !== buffer)) return false;",
    replace: "",
    why: "other tensors may lie there",
    tests: captures,
  },
  {
    name: "captures by WebGPU: windows are bound as whole buffers",
    file: work,
    find: "window === undefined ? slab : pool.window(slab, window.offset, window.size)",
    replace: "window === undefined ? slab : slab",
    why: "an adapter binds a part of a large buffer",
    tests: own,
  },
  {
    name: "captures by WebGPU: offsets stay where they were",
    file: work,
    find: "places[place]!.start / elementBytes + elements;",
    replace: "elements;",
    why: "a cache goes on behind what it has",
    tests: moving,
  },
  {
    name: "captures by WebGPU: scalars stay those of the capture",
    file: work,
    find: "parameters[at] = isFloat ? floatBits(scalars[i]!) : scalars[i]!;",
    replace: "if (isFloat) parameters[at] = floatBits(scalars[i]!);",
    why: "masks are drawn by the step's own key",
    tests: captures,
  },
  {
    name: "captures by WebGPU: memory used meanwhile is not given back",
    file: work,
    find: "    for (const buffer of taken) host.pool.give(buffer);\n",
    replace: "",
    why: "the next step takes the same memory, whose bind groups are there",
    tests: own,
  },
  {
    name: "captures by WebGPU: any memory of the size is taken",
    file: "kernels/webgpu/memory/buffer_pool.ts",
    find: "const at = slab === undefined ? -1 : slabs.lastIndexOf(slab);",
    replace: "const at = slab === undefined ? -1 : 0;",
    why: "bind groups of the last time fit the memory of the last time",
    tests: own,
  },
  {
    name: "captures by WebGPU: what the host writes is forgotten",
    file: "kernels/webgpu/backend.ts",
    find: "    this.#capturing.spoil();\n    this.#queue.flush();\n",
    replace: "    this.#queue.flush();\n",
    why: "an upload is not queued again",
    tests: captures,
  },
  {
    name: "captures by WebGPU: programs are not counted",
    file: "kernels/webgpu/backend.ts",
    find: "      this.#counts.runs += runs;\n",
    replace: "",
    why: "statistics tell of all programs",
    tests: captures,
  },
  {
    name: "captures by WebGPU: memory used meanwhile is not counted",
    file: capturing,
    find: "most = Math.max(most, bytes += change!);",
    replace: "most = Math.max(most, bytes += Math.abs(change!));",
    why: "work that comes again needs no more memory than computing it",
    tests: kept,
  },
  {
    name: "captures by WebGPU: other words count as the same work",
    file: work,
    find: "const fixed = dispatches.map(({ parameters }) => Array.from(parameters));",
    replace: "const fixed = dispatches.map(({ parameters }) => Array.from(parameters, () => 0));",
    why: "what is read elsewhere is other work",
    tests: captures,
  },
  {
    name: "lifetimes: pieces are shared by what is there at the same time",
    file: "kernels/plan/lifetimes.ts",
    find: "ends[piece]! <= from",
    replace: "ends[piece]! <= to",
    why: "intermediate numbers would be overwritten",
    tests: lifetimes,
  },
  {
    name: "memory plans: tokens are planned as if nothing was captured",
    file: "train/device/planned_backend.ts",
    find: "this.capturing = real.capturing && {",
    replace: "this.capturing = undefined && {",
    why: "a cache has whole groups of slots where tokens are captured",
    tests: ["tests/train/memory_plan_test.ts"],
  },
  {
    name: "steps are not captured where WebGPU is opened",
    file: "mod.ts",
    find:
      "backend = await openAdapter(options);\n  if (backend !== undefined) await loadForCards();\n",
    replace: "backend = await openAdapter(options);\n",
    why: "a step costs the host as little as it can",
    tests: ["tests/kernels/webgpu/opened_test.ts"],
  },
  {
    name: "captures: words of others stay what they were",
    file: "core/capture.ts",
    find: "if (!unchanged() || trace.isOutdated()) return undefined;",
    replace: "if (!unchanged()) return undefined;",
    why: "a program may write words that choose rows",
    tests: ["tests/core/capture_test.ts"],
  },
  {
    name: "captures: words that were made meanwhile are those of the next time",
    file: "core/capture_record.ts",
    find: "storage.released || storage.words !== words || made.has(storage)",
    replace: "storage.words !== words || made.has(storage)",
    why: "they come from inputs, which are others",
    tests: ["tests/core/capture_test.ts"],
  },
  {
    name: "captures: words that come out are those of the next time",
    file: "core/capture_record.ts",
    find: "storage.words !== words || made.has(storage)",
    replace: "storage.words !== words",
    why: "what comes out is not given back, and its words are others",
    tests: ["tests/core/capture_words_test.ts"],
  },
];
