/** Mutations of work that is captured and queued again. */

import type { Mutation } from "../mutation.ts";

const captures = ["tests/kernels/cuda/capture_test.ts"];
const steps = ["tests/nn/optim/captured_step_test.ts"];

/** Mutations of work that is captured and queued again. */
export const cudaCaptureMutations: readonly Mutation[] = [
  {
    name: "captures: work is queued again after one capture",
    file: "core/capture.ts",
    find: "entry.places = capture && next.capture && keyPlaces(capture, next.capture);",
    replace: "entry.places = next.capture && keyPlaces(next.capture, next.capture);",
    why: "a number that changes is seen where two captures are compared",
    tests: captures,
  },
  {
    name: "captures: numbers that differ are taken for keys",
    file: "core/capture.ts",
    find: "} else if (!Object.is(first[i], second[i])) return undefined;",
    replace: "}",
    why: "what no key explains is computed",
    tests: captures,
  },
  {
    name: "captures: keys stay those of the capture",
    file: "core/capture.ts",
    find:
      "  for (const [scalar, k] of places) [scalars[scalar], scalars[scalar + 1]] = keys[k]!;\n",
    replace: "",
    why: "masks are drawn by the step's own key",
    tests: captures,
  },
  {
    name: "captures: the key that was given counts as folded",
    file: "core/capture.ts",
    find: "as const).slice(1));",
    replace: "as const));",
    why: "a key as plain as 0 and 5 may be two numbers by chance",
    tests: captures,
  },
  {
    name: "captures: words are not checked again",
    file: "core/capture.ts",
    find:
      "if (!unchanged() || trace.checks.some((check) => fails(check, storages))) return undefined;",
    replace: "if (!unchanged()) return undefined;",
    why: "rows beyond a table are refused",
    tests: captures,
  },
  {
    name: "captures: what is read beside the inputs may change",
    file: "core/capture.ts",
    find: "if (!unchanged() || trace.checks",
    replace: "if (trace.checks",
    why: "a model that changed is computed",
    tests: captures,
  },
  {
    name: "captures: a gradient around them does not see what is queued again",
    file: "core/capture.ts",
    find: "return backend.capturing !== undefined && !taped();",
    replace: "return backend.capturing !== undefined;",
    why: "a tape needs the operations",
    tests: captures,
  },
  {
    name: "captures: words that the host copies are forgotten",
    file: "core/indices.ts",
    find: "  trace?.spoiled();\n",
    replace: "",
    why: "what the host computes from words of a step is that step's",
    tests: captures,
  },
  {
    name: "captures: what the host writes is forgotten",
    file: "kernels/cuda/backend.ts",
    find: "    this.capturing?.spoil();\n    this.#queue.flush();\n    this.#staging.write",
    replace: "    this.#queue.flush();\n    this.#staging.write",
    why: "an upload is not queued again",
    tests: captures,
  },
  {
    name: "captures: memory that was given back is used",
    file: "kernels/cuda/queue/card_work.ts",
    find: "if (this.#isClosed || others.some(({ released }) => released)) return false;",
    replace: "if (this.#isClosed) return false;",
    why: "other tensors may lie there",
    tests: captures,
  },
  {
    name: "captures: inputs stay where they were",
    file: "kernels/cuda/queue/card_work.ts",
    find: "const moved = slots.map(({ address }, slot) => address !== this.#bases[slot]);",
    replace: "const moved = slots.map((_, slot) => this.#bases[slot]! < 0);",
    why: "a batch may lie elsewhere",
    tests: steps,
  },
  {
    name: "captures: programs are not counted",
    file: "kernels/cuda/backend.ts",
    find: "        this.#counts.runs += runs;\n",
    replace: "",
    why: "statistics tell of all programs",
    tests: captures,
  },
  {
    name: "captured steps: the first batch of a window is like the others",
    file: "nn/optim/captured_gradients.ts",
    find: "JSON.stringify([trainable.cleared, described, settings])",
    replace: "JSON.stringify([described, settings])",
    why: "the first writes gradients, the others add to them",
    tests: steps,
  },
  {
    name: "captured steps: gradients count as cleared",
    file: "nn/optim/captured_gradients.ts",
    find: "  trainable.cleared = false;\n",
    replace: "",
    why: "later batches add to what is there",
    tests: steps,
  },
  {
    name: "captured steps: texts with padding tokens are like others",
    file: "nn/optim/captured_gradients.ts",
    find: "texts?.some((ids) => ids.includes(padId))) return compute(batch);",
    replace: "texts === undefined) return compute(batch);",
    why: "positions beside padding tokens are the host's to compute",
    tests: steps,
  },
  {
    name: "snapshot: numbers may be exchanged",
    file: "nn/layers/snapshot.ts",
    find: "if (valueOf(parameter) !== value) return false;",
    replace: "valueOf(parameter);",
    why: "a model is computed with the numbers that it has",
    tests: steps,
  },
  {
    name: "steps are not captured where a card is opened",
    file: "mod.ts",
    find: "    captureSteps(capturedGradients);\n",
    replace: "",
    why: "a step costs the host nothing",
    tests: ["tests/kernels/cuda/opened_test.ts"],
  },
];
