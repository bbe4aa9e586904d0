import { assertEquals, assertThrows } from "@std/assert";
import { ShapeError } from "../../core/errors.ts";
import { arange } from "../../core/ops/create.ts";
import { reshape, transpose } from "../../core/ops/view.ts";
import { tensor } from "../../core/tensor.ts";
import { withDevice } from "../support/with_device.ts";

Deno.test("tensor() takes the shape of nested arrays", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("nested");
    const matrix = tensor(device, [[1, 2, 3], [4, 5, 6]]);
    assertEquals(matrix.shape, [2, 3]);
    assertEquals([...await transpose(matrix).read()], [1, 4, 2, 5, 3, 6]);
    assertEquals(tensor(device, [[[1], [2]]]).shape, [1, 2, 1]);
    assertEquals(tensor(device, [new Float32Array([1, 2]), [3, 4]]).shape, [2, 2]);
    assertEquals(tensor(device, [[1, 2], [3, 4]], [4]).shape, [4]);
    assertEquals(tensor(device, [[], []]).shape, [2, 0]);
    assertEquals(tensor(device, []).shape, [0]);
  }));

Deno.test("tensor() names the first row that differs from the others", () =>
  withDevice("f64", (device) => {
    const refused = (data: Parameters<typeof tensor>[1], text: string) =>
      assertThrows(() => tensor(device, data), ShapeError, text);
    refused([[1, 2], [3]], "[1] requires 2 elements, as [0] has: found 1 elements");
    refused([[1, 2], [3, [4]]] as never, "[1,1] requires a number, as [0,0] has: found 1 elements");
    refused([[[1]], [2]] as never, "[1,0] requires 1 elements, as [0,0] has: found a number");
    refused([[1], null] as never, "[1] requires 1 elements, as [0] has: found null");
    assertThrows(() => tensor(device, [[1, 2]], [3]), ShapeError, "3 elements: found 2");
  }));

Deno.test("a tensor prints its dtype, shape, device and first elements", () =>
  withDevice("f32", async (device) => {
    using _scope = device.scope("print");
    const x = reshape(arange(device, 0, 12), [3, 4]);
    assertEquals(String(x), "Tensor f32[3, 4] on cpu");
    assertEquals(Deno.inspect(x), "Tensor f32[3, 4] on cpu");
    assertEquals(await x.show(3), "Tensor f32[3, 4] on cpu: 0, 1, 2, …");
    assertEquals(await tensor(device, [0.1]).show(), "Tensor f32[1] on cpu: 0.1");
    x[Symbol.dispose]();
    assertEquals(String(x), "Tensor (disposed)");
  }));
