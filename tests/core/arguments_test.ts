import { assert, assertEquals, assertThrows } from "@std/assert";
import { IndexError, OptionError, ShapeError } from "../../core/errors.ts";
import * as library from "../../mod.ts";
import type { Made } from "../support/argument_row.ts";
import { argumentRows } from "../support/argument_rows.ts";
import { shapeArgumentRows } from "../support/argument_rows_shapes.ts";
import { withDevice } from "../support/with_device.ts";

/** What a message calls an argument where that is not its name. */
const words: Readonly<Record<string, RegExp>> = {
  "tensor data": /data|list of numbers/,
  "tensor shape": /shape/,
  "tensor dtype": /dtype/,
  "scale factor": /factor/,
  "foldKey counter": /counter/,
  "arange range": /range from/,
  "permute axis": /permute/,
  "squeeze axis": /axis/,
  "slice end": /end|slice/,
  "matmul inner": /inner sizes/,
  "split sizes": /sizes|parts/,
};

function wordOf(argument: string): RegExp {
  return new RegExp(
    /^\w+$/.test(argument) ? `\\b${argument}\\b` : argument.replace(/[[\]]/g, "\\$&"),
  );
}

for (const { name, call, wrong, says } of [...argumentRows, ...shapeArgumentRows]) {
  const [, argument] = name.split(" ") as [string, string];
  Deno.test(`${name}: wrong ones are typed errors of one short sentence`, () =>
    withDevice("f32", (device) => {
      const tensorOf = (data: number[], shape: number[], dtype?: "u32") =>
        library.tensor(device, data, shape, dtype);
      const made: Made = {
        device,
        x: (...shape) => {
          const size = shape.reduce((product, n) => product * n, 1);
          return tensorOf(Array.from({ length: size }, (_, i) => i === 0 ? 1 : 0), shape);
        },
        words: (...data) => tensorOf(data, [data.length], "u32"),
      };
      for (const given of wrong) {
        using _scope = device.scope("wrong");
        const error = assertThrows(() => call(made, given), Error);
        const shown = `${name} ${Deno.inspect(given)}: ${error.name}: ${error.message}`;
        const typed = [ShapeError, OptionError, IndexError, library.GradientError];
        assert(typed.some((type) => error instanceof type), shown);
        const named = says ?? words[name] ?? wordOf(argument);
        assert(named.test(error.message), shown);
        assert(error.message.length < 500 && !error.message.includes("\n"), shown);
      }
    }));
}

Deno.test("every operation that the library exports has a row of wrong arguments", async () => {
  const folder = new URL("../../core/ops/", import.meta.url);
  const operations: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const module: Record<string, unknown> = await import(new URL(name, folder).href);
    operations.push(...Object.keys(module).filter((key) => typeof module[key] === "function"));
  }
  const named = new Set(
    [...argumentRows, ...shapeArgumentRows].map(({ name }) => name.split(" ")[0]),
  );
  const exported = operations.filter((name) => name in library);
  assert(exported.length > 50);
  assertEquals(exported.filter((name) => !named.has(name)), []);
});

Deno.test("right ones next to the wrong ones pass", () =>
  withDevice("f32", async (device) => {
    const x = library.tensor(device, [[1, 2, 3], [4, 5, 6]]);
    assertEquals(library.slice(x, 1, 1, 1).shape, [2, 0]);
    assertEquals(library.reshape(x, [-1]).shape, [6]);
    assertEquals(library.expandDims(x, 2).shape, [2, 3, 1]);
    assertEquals(library.split(x, 1, 3).length, 3);
    assertEquals(library.tensor(device, new Float32Array(0)).shape, [0]);
    assertEquals(library.sum(library.zeros(device, [0, 3])).shape, []);
    assertEquals(library.seedKey(2 ** 53 - 1), [2 ** 21 - 1, 2 ** 32 - 1]);
    assertEquals(library.arange(device, 3, 3).shape, [0]);
    const words = library.tensor(device, [0, 2 ** 32 - 1], [2], "u32");
    assertEquals([...await library.greaterEqual(words, 2 ** 32 - 1).read()], [0, 1]);
    const loss = library.crossEntropy(
      x,
      library.tensor(device, [2, library.ignoreIndex], [2], "u32"),
    );
    assertEquals((await loss.read())[1], 0);
  }));
