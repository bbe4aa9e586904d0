/** Mutations of the memory that threads share, and of what runs the tests. */

import type { Mutation } from "../mutation.ts";

/** Mutations of the memory that threads share, and of what runs the tests. */
export const memoryMutations: readonly Mutation[] = [
  {
    name: "a thread does not look for memory that was grown",
    file: "kernels/cpu/wasm/threads/worker.ts",
    find: "    memory.grow(0);\n",
    replace: "",
    why: "a kernel lies beyond what a thread saw as it began",
    tests: ["tests/kernels/cpu/thread_pool_test.ts"],
  },
  {
    name: "a shared memory has all its pages at once",
    file: "kernels/cpu/wasm/threads/heap.ts",
    find: "const minimum = shared ? firstPages : maximum;",
    replace: "const minimum = maximum;",
    why: "an engine with gigabytes reserved collects garbage without end",
    tests: ["tests/kernels/cpu/heap_test.ts"],
  },
  {
    name: "a memory that threads still have is left to the next heap",
    file: "kernels/cpu/wasm/threads/heap.ts",
    find: "if (alone && this.#end <= keptBytes)",
    replace: "if (this.#end <= keptBytes)",
    why: "a thread that ends late would write into another pool's queue",
    tests: ["tests/kernels/cpu/heap_test.ts"],
  },
  {
    name: "a test process that dies counts no failure",
    file: "tests/suite/totals.ts",
    find: "failed: code === 0 ? failed : Math.max(1, failed),",
    replace: "failed,",
    why: "a file that cannot be loaded fails the suite",
    tests: ["tests/suite/totals_test.ts"],
  },
  {
    name: "an OpenBLAS with kernels of 128 bits is taken",
    file: "train/device/blas.ts",
    find: "/^(?:Prescott|Core2|",
    replace: "/^(?:Core2|",
    why: "its products are slower than those of WebAssembly",
    tests: ["tests/train/device/blas_test.ts"],
  },
  {
    name: "results of an operation that fails stay allocated",
    file: "core/storage.ts",
    find: "if (this.#references === 0) this.release();",
    replace: "if (this.#references === 0) this.#references = 0;",
    why: "nobody else could give them back",
    tests: ["tests/core/failing_backend_test.ts"],
  },
  {
    name: "a backward pass that cannot begin keeps its tape",
    file: "core/gradient.ts",
    find:
      "    try {\n      if (tape.follows(loss.value)) cotangents.set(loss.value, ones(loss, device));\n",
    replace:
      "    if (tape.follows(loss.value)) cotangents.set(loss.value, ones(loss, device));\n    try {\n",
    why: "the tape holds what the forward pass made",
    tests: ["tests/core/failing_backend_test.ts"],
  },
  {
    name: "a tensor whose parts end in an error stays allocated",
    file: "core/memory.ts",
    find: "  } catch (error) {\n    made[Symbol.dispose]();\n",
    replace: "  } catch (error) {\n    made.shape;\n",
    why: "a load that fails leaves nothing behind",
    tests: ["tests/core/failing_backend_test.ts", "tests/core/memory_test.ts"],
  },
  {
    name: "memory between two dispatches is lost where one is refused",
    file: "kernels/webgpu/memory/buffer_pool.ts",
    find: "    } finally {\n      for (const buffer of lent) this.give(buffer);",
    replace:
      "    } catch (error) {\n      lent.length = 0;\n      throw error;\n    } finally {\n      for (const buffer of lent) this.give(buffer);",
    why: "the pool lends it again",
    tests: ["tests/kernels/webgpu/device_errors_test.ts"],
  },
  {
    name: "runs that start at once count the same memory twice",
    file: "train/memory_plan.ts",
    find: "bytes - others.promised",
    replace: "bytes - 0 * others.promised",
    why: "what another run may still take is not free",
    tests: ["tests/train/memory_share_test.ts"],
  },
  {
    name: "what a run has taken counts as promised too",
    file: "train/device/memory_share.ts",
    find: "Math.max(0, bytes - taken())",
    replace: "bytes",
    why: "it is free no more, and would count twice",
    tests: ["tests/train/memory_share_test.ts"],
  },
  {
    name: "a run that fits no machine waits for others",
    file: "train/memory_plan.ts",
    find: "|| required > bytes + others.taken)",
    replace: "|| required < 0)",
    why: "it would not fit when they are over",
    tests: ["tests/train/memory_share_test.ts"],
  },
  {
    name: "a run that is interrupted before its turn is told what would fit",
    file: "train/memory_plan.ts",
    find: "if (signal?.aborted) throw waitEnded(required, free);",
    replace: "if (signal?.aborted) break;",
    why: "it would have fitted, and was not refused for its size",
    tests: ["tests/train/memory_share_test.ts"],
  },
  {
    name: "a container has the memory of its machine",
    file: "train/device/available_memory.ts",
    find: "if (!(limit > 0 && limit < total)) return { total, available };",
    replace: "if (limit !== 1) return { total, available };",
    why: "what takes more than its limit is killed",
    tests: ["tests/train/device/available_memory_test.ts"],
  },
];
