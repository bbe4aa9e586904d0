import { assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../core/device.ts";
import { IndexError } from "../../core/errors.ts";
import { firstOutOfRange } from "../../core/indices.ts";
import { argmax } from "../../core/ops/reduce.ts";
import { gather, scatterAdd } from "../../core/ops/gather.ts";
import { ignoreIndex } from "../../core/indices.ts";
import { crossEntropy } from "../../core/ops/losses.ts";
import { concatenate, slice } from "../../core/ops/slice.ts";
import { contiguous, expandDims, flip, reshape, transpose } from "../../core/ops/view.ts";
import { old, rowProgram } from "../../ops.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { webGpuTest } from "../support/webgpu_device.ts";
import { withDevice } from "../support/with_device.ts";

const words = (device: Device, data: number[], shape = [data.length]) =>
  tensor(device, data, shape, "u32");

function refusesStrays(device: Device): void {
  const table = tensor(device, new Float32Array(6), [3, 2]);
  const refuse = (rows: Tensor, found: string) => {
    const text = `as rows requires 0 to 2, as the table has 3 rows: found ${found}`;
    assertThrows(() => gather(table, rows), IndexError, `Cannot apply gather ${text}`);
    const values = tensor(device, new Float32Array(2 * rows.shape[0]!), [rows.shape[0]!, 2]);
    if (rows.shape.length > 1) return;
    assertThrows(() => scatterAdd(values, rows, 3), IndexError, `Cannot apply scatterAdd ${text}`);
  };
  refuse(words(device, [0, 3]), "3 at [1]");
  refuse(words(device, [2 ** 32 - 1]), "4294967295 at [0]");
  const rows = words(device, [0, 1, 2, 0, 500, 1], [2, 3]);
  refuse(rows, "500 at [1,1]");
  // However the words are looked at.
  refuse(transpose(rows), "500 at [1,1]");
  refuse(contiguous(transpose(rows)), "500 at [1,1]");
  refuse(flip(rows, 1), "500 at [1,1]");
  refuse(reshape(rows, [6]), "500 at [4]");
  refuse(expandDims(rows, 0), "500 at [0,1,1]");
  refuse(concatenate([words(device, [0, 1, 2], [1, 3]), rows], 0), "500 at [2,1]");
  refuse(concatenate([words(device, [0, 1], [2, 1]), rows], 1), "500 at [1,2]");
  const logits = tensor(device, new Float32Array(6), [2, 3]);
  assertThrows(
    () => crossEntropy(logits, words(device, [ignoreIndex, 3])),
    IndexError,
    "labels requires 0 to 2, as the logits have 3 classes, or ignoreIndex: found 3 at [1]",
  );
}

Deno.test("rows and labels beyond a table are refused by number, table and place", () =>
  withDevice("f64", refusesStrays));
webGpuTest("rows and labels beyond a table are refused by number, table and place", refusesStrays);

Deno.test("what no view shows is not looked up", () =>
  withDevice("f32", async (device) => {
    const table = tensor(device, [[1], [2], [3]]);
    const rows = words(device, [0, 2, 500, 1], [2, 2]);
    assertEquals([...await gather(table, slice(rows, 0, 0, 1)).read()], [1, 3]);
    assertEquals([...await gather(table, slice(rows, 1, 1, 2)).read()], [3, 2]);
    assertEquals(gather(table, words(device, [])).shape, [0, 1]);
  }));

webGpuTest("words that a program made are not known on the host", (device) => {
  assertEquals(firstOutOfRange(argmax(tensor(device, [[1, 2], [4, 3]]), 1).value, 0), undefined);
});

Deno.test("words that a program made are seen where the host has the memory", () =>
  withDevice("f32", (device) => {
    const best = argmax(tensor(device, [[1, 2, 9], [4, 3, 0]]), 1);
    const refuse = (run: () => unknown) => assertThrows(run, IndexError, "found 2 at [0]");
    refuse(() => gather(tensor(device, [[1], [2]]), best));
    refuse(() => scatterAdd(tensor(device, [[1], [2]]), best, 2));
    refuse(() => crossEntropy(tensor(device, [[1, 2], [3, 4]]), best));
  }));

Deno.test("words that the host wrote are known until a program writes them", () =>
  withDevice("f32", (device) => {
    const rows = words(device, [7]);
    assertEquals(firstOutOfRange(rows.value, 7), { word: 7, place: [0] });
    assertEquals(firstOutOfRange(rows.value, 7, 7), undefined);
    assertEquals(firstOutOfRange(rows.value, 8), undefined);
    // An update in place changes what the host wrote.
    const floats = tensor(device, [7]);
    floats.value.storage.words = new Uint32Array([7]);
    update(rowProgram([], [old(0).add(1)]), [floats], []);
    assertEquals(floats.value.storage.words, undefined);
  }));
