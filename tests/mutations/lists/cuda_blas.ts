/** Mutations of products by cuBLASLt, and of opening and launching on a card. */

import type { Mutation } from "../mutation.ts";

const products = ["tests/kernels/cuda/blas_test.ts"];
const queue = ["tests/kernels/cuda/blas_queue_test.ts"];
const opening = ["tests/kernels/cuda/open_test.ts"];
const launches = ["tests/kernels/cuda/launch_test.ts"];

/** Mutations of products by cuBLASLt, and of opening and launching on a card. */
export const cudaBlasMutations: readonly Mutation[] = [
  {
    name: "cuBLASLt: the right factor is transposed as the left one is",
    file: "kernels/cuda/blas/lt_plan.ts",
    find: "rightTransposed, wordBytes(Number(!a.inner)));",
    replace: "rightTransposed, wordBytes(Number(a.inner)));",
    why: "the library counts columns first",
    tests: products,
  },
  {
    name: "cuBLASLt: algorithms may want addresses aligned to 256 bytes",
    file: "kernels/cuda/blas/lt_plan.ts",
    find: "const alignment = 16;",
    replace: "const alignment = 256;",
    why: "factors begin at any eighth element",
    tests: products,
  },
  {
    name: "cuBLASLt: rows that overlap go to the library",
    file: "kernels/cuda/blas/lt_products.ts",
    find: "if (pitch < columns || pitch % 8 !== 0 ||",
    replace: "if (pitch % 8 !== 0 ||",
    why: "a matrix of the library's has rows apart",
    tests: products,
  },
  {
    name: "cuBLASLt: factors of f32 may begin anywhere",
    file: "kernels/cuda/blas/lt_products.ts",
    find: "pitch % 4 === 0 && bound.offset % 4 === 0 &&",
    replace: "pitch % 4 === 0 &&",
    why: "four floats are read at once",
    tests: products,
  },
  {
    name: "cuBLASLt: rounded rows keep the pitch of the floats",
    file: "kernels/cuda/blas/lt_products.ts",
    find: "factor: { inner: isInner, pitch: columns },",
    replace: "factor: { inner: isInner, pitch },",
    why: "rounded rows lie without gaps",
    tests: products,
  },
  {
    name: "cuBLASLt: halves of a word change places",
    file: "kernels/cuda/blas/convert.ts",
    find: "values[i + 1]!, values[i]!)",
    replace: "values[i]!, values[i + 1]!)",
    why: "the first element is the lower half",
    tests: products,
  },
  {
    name: "cuBLASLt: results that begin anywhere are written by the library",
    file: "kernels/cuda/product/library_products.ts",
    find: "along !== 1 || c.offset % unitOf(dtype) !== 0",
    replace: "along !== 1",
    why: "results of the library are aligned",
    tests: products,
  },
  {
    name: "CUDA: what a product took is kept where it fails",
    file: "kernels/cuda/product/products.ts",
    find: "    } finally {\n      for (const buffer of taken) memory.give(buffer);\n    }",
    replace:
      "      for (const buffer of taken) memory.give(buffer);\n    } finally {\n      //\n    }",
    why: "the device goes on after an error",
    tests: queue,
  },
  {
    name: "CUDA: captured products keep their addresses",
    file: "kernels/cuda/queue/graphs.ts",
    find: "(child) => driver.call(name, executable, node, child),",
    replace: "() => name,",
    why: "nodes of products are set anew",
    tests: queue,
  },
  {
    name: "CUDA: a capture that fails goes on",
    file: "kernels/cuda/queue/capture.ts",
    find: "    try {\n      queue();\n    } finally {\n      ended",
    replace: "    {\n      queue();\n      ended",
    why: "the stream is not captured after an error",
    tests: queue,
  },
  {
    name: "CUDA: captured graphs stay",
    file: "kernels/cuda/queue/capture.ts",
    find: "if (graph() !== 0) calls",
    replace: "if (graph() === 0) calls",
    why: "a graph is copied by those who use it",
    tests: queue,
  },
  {
    name: "cuBLASLt: products go on where the context is lost",
    file: "kernels/cuda/blas/lt_products.ts",
    find: "    driver.checkContext();\n",
    replace: "",
    why: "the fault is told, not what follows from it",
    tests: queue,
  },
  {
    name: "cuBLASLt: any version is opened",
    file: "kernels/cuda/blas/lt_library.ts",
    find: "if (1000 * major > driverVersion) continue;",
    replace: "",
    why: "a driver runs no libraries that are newer",
    tests: opening,
  },
  {
    name: "CUDA: what was opened stays where opening fails",
    file: "kernels/cuda/backend.ts",
    find: "      this.#close();\n      lt?.close();",
    replace: "      lt?.close();",
    why: "a card that cannot be opened is given back",
    tests: opening,
  },
  {
    name: "CUDA: a stub of the driver is a failure",
    file: "kernels/cuda/driver/driver.ts",
    find: "const absent = [100, 34];",
    replace: "const absent = [100];",
    why: "another backend is taken without a card",
    tests: opening,
  },
  {
    name: "CUDA: programs are not waited for",
    file: "kernels/cuda/queue/graphs.ts",
    find: "if (this.queueing.blocking) this.#await(launch);",
    replace: "",
    why: "a fault is told of its program",
    tests: launches,
  },
  {
    name: "CUDA: rows of tables lie anywhere",
    file: "kernels/cuda/queue/launch.ts",
    find: "if (Math.abs(step * bytes) < most)",
    replace: "if (step * bytes < most)",
    why: "steps have 32 bits and a sign",
    tests: launches,
  },
  {
    name: "layouts tell four elements apart, not eight",
    file: "kernels/plan/layouts.ts",
    find: "8 * codes[dtype] + (offset & 7)",
    replace: "4 * codes[dtype] + (offset & 3)",
    why: "eight halves are copied at once where they are aligned",
    tests: ["tests/kernels/plan/layouts_test.ts"],
  },
];
