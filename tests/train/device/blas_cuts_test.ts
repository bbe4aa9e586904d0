import { assertEquals, assertThrows } from "@std/assert";
import { safeCuts } from "../../../train/device/blas_cuts.ts";
import { libraryWords } from "../../../train/device/cblas.ts";
import type { Run } from "../../../kernels/cpu/wasm/product/blas.ts";
import { head } from "../../../kernels/cpu/wasm/threads/task.ts";
import { assertSame } from "../../support/op_results.ts";

type Task = Readonly<Record<(typeof libraryWords)[number], number>>;

/**
 * A library that sums rows or columns of a call from the back where `backwards` says so of their
 * numbers in that call.
 */
const library =
  (backwards: (row: number, column: number, task: Task) => boolean) =>
  (memory: ArrayBufferLike): Run => {
    const [words, numbers] = [new Int32Array(memory), new Float32Array(memory)];
    return (address) => {
      const at = address / 4 + head;
      const task = Object.fromEntries(
        libraryWords.map((name, i) => [name, words[at + i]!]),
      ) as Task;
      const { m, n, k, a, aLine, b, bLine, c, cLine } = task;
      const steps = (order: number, line: number) => order === 112 ? [1, line] : [line, 1];
      const [aRow, aColumn] = steps(task.aOrder, aLine) as [number, number];
      const [bRow, bColumn] = steps(task.bOrder, bLine) as [number, number];
      // Few terms of each sum are enough to tell an order.
      const terms = [0, 1, 2, 3, k - 1];
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (const t of backwards(i, j, task) ? terms.toReversed() : terms) {
            const left = numbers[a / 4 + i * aRow + t * aColumn]!;
            sum = Math.fround(sum + left * numbers[b / 4 + t * bRow + j * bColumn]!);
          }
          numbers[c / 4 + i * cLine + j] = sum;
        }
      }
    };
  };

Deno.test("safeCuts() lets a library whose sums are all alike be cut anywhere", () => {
  assertEquals(safeCuts(library(() => false)), { rows: 16, columns: 16, vector: 16 });
});

Deno.test("safeCuts() finds multiples at which a library's own blocks begin", () => {
  const lastRows = library((row, _, { m }) => row >= m - m % 24);
  assertEquals(safeCuts(lastRows), { rows: 24, columns: 16, vector: 16 });
  const firstColumns = library((_, column, { m }) => m > 1 && column < 8);
  assertEquals(safeCuts(firstColumns), { rows: 16, vector: 16 });
});

Deno.test("safeCuts() leaves products whole where every cut shows", () => {
  const bySize = library((row, column, { m, n }) => (row + column + m + n) % 3 === 0);
  assertEquals(safeCuts(bySize), {});
});

Deno.test("a test of equal bits names what differs", () => {
  const run = () => assertSame([1, 2, 3, 4], [1, 5, 3, 6], "sums");
  assertThrows(run, Error, "sums: 2 of 4 differ, the first one [1]: 2 for 5");
});
