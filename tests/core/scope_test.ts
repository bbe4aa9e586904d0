import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DisposedError, ShapeError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { add, mul, square } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import { Device } from "../../core/device.ts";
import { noGrad } from "../../core/tape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { withDevice } from "../support/with_device.ts";

Deno.test("Tensor says in which scope a disposed one was made", () =>
  withDevice("f64", async (device) => {
    const made = () => {
      using _scope = device.scope("step 3");
      return tensor(device, [1]);
    };
    const text = "after it was disposed: it was made in scope step 3";
    const dead = made();
    assertThrows(() => dead.shape, DisposedError, text);
    assertThrows(() => square(dead), DisposedError, `Cannot use a tensor in square ${text}`);
    assertThrows(() => noGrad(dead), DisposedError, text);
    await assertRejects(() => dead.read(), DisposedError, text);
    dead[Symbol.dispose]();
  }));

Deno.test("Scope.keep() hands on to the parent, or to the caller at the outermost", () =>
  withDevice("f64", async (device) => {
    const inner = () => {
      using scope = device.scope("inner");
      return scope.keep(tensor(device, [5]));
    };
    using kept = inner();
    assertEquals([await kept.item(), kept.scope?.name], [5, "test"]);
    const fork = device.fork();
    const outermost = () => {
      using scope = fork.scope("only");
      return scope.keep(tensor(fork, [6]));
    };
    using mine = outermost();
    assertEquals([await mine.item(), mine.scope], [6, undefined]);
  }));

Deno.test("Scope.keep() never shortens the life of what an outer scope owns", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [1]);
    {
      using _middle = device.scope("middle");
      using inner = device.scope("inner");
      inner.keep(x);
    }
    assertEquals(await x.item(), 1);
  }));

Deno.test("Scope ends what it owns once, in whatever order some of it was given up before", () =>
  withDevice("f64", (device) => {
    const orders = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6]);
    fc.assert(fc.property(orders, fc.nat(7), (order, keeps) => {
      const live = device.backend.statistics.buffers;
      using outer = device.scope("outer");
      const inner = device.scope("inner");
      const made = Array.from({ length: 7 }, (_, i) => tensor(device, [i]));
      order.forEach((i, at) => at < keeps ? made[i]![Symbol.dispose]() : inner.keep(made[i]!));
      const kept = Math.max(0, order.length - keeps);
      inner.close();
      assertEquals(device.backend.statistics.buffers - live, kept);
      assertEquals(made.filter(({ scope }) => scope === outer).length, kept);
    }));
  }));

Deno.test("Device.within() ends all that was made but the result", () =>
  withDevice("f64", async (device) => {
    let inner: Tensor | undefined;
    const x = tensor(device, [3]);
    const made = device.within("part", () => add(inner = square(x), x));
    assertEquals([await made.item(), made.scope?.name], [12, "test"]);
    assertThrows(() => inner!.shape, DisposedError, "it was made in scope part");
    assertEquals(device.within("part", () => x), x);
    assertEquals(await x.item(), 3);
  }));

Deno.test("Scope refuses to close before one that was opened later", () =>
  withDevice("f64", (device) => {
    const outer = device.scope("outer");
    const inner = device.scope("inner");
    assertThrows(
      () => outer[Symbol.dispose](),
      DisposedError,
      "Cannot close scope outer as the innermost open scope must close first: found inner " +
        "(interleaved tasks each need device.fork())",
    );
    inner.close();
    inner[Symbol.dispose]();
    // Once it is its turn, it closes and gives its memory back.
    outer[Symbol.dispose]();
    assertEquals(device.innermost?.name, "test");
  }));

Deno.test("device.fork() lets two tasks interleave", () =>
  withDevice("f64", async (device) => {
    const start = tensor(device, [1]);
    const order: string[] = [];
    const task = async (name: string, factor: number): Promise<number> => {
      const own = device.fork();
      let value = 0;
      for (let step = 0; step < 3; step++) {
        using _scope = own.scope(`${name} ${step}`);
        const x = tensor(own, [factor * (step + 1)]);
        // f = x² · start, f' = 2 x.
        const { gradients } = gradient(() => sum(mul(square(x), start)), [x]);
        order.push(name);
        assert(gradients[0]!.device === own);
        value += await gradients[0]!.item();
        await new Promise((resolve) => setTimeout(resolve, 1));
        assertEquals(await x.item(), factor * (step + 1));
      }
      return value;
    };
    // Σ 2 factor (1 + 2 + 3).
    assertEquals(await Promise.all([task("a", 1), task("b", 10)]), [12, 120]);
    assertEquals(order.slice(0, 4), ["a", "b", "a", "b"]);
  }));

Deno.test("apply() refuses tensors of two backends, two forks or two float types", () =>
  withDevice("f64", (device) =>
    withDevice("f64", (foreign) => {
      const x = tensor(device, [1]);
      const text = "Cannot combine tensors as they must share a device: found two";
      assertThrows(() => add(x, tensor(foreign, [1])), TypeError, text);
      const [one, two] = [device.fork(), device.fork()];
      using a = tensor(one, [1]);
      using b = tensor(two, [1]);
      assertThrows(() => add(a, b), TypeError, text);
      assertThrows(() => gradient(() => x, []), TypeError, "there is no input");
      const single = tensor(device, [1], [1], "f32");
      assertThrows(() => add(x, single), ShapeError, "b requires f64, as a is: found f32");
    })));

Deno.test("Device refuses a float type that its backend lacks", () =>
  withDevice("f32", ({ backend }) => {
    backend.supports = (dtype) => dtype !== "f64";
    assertThrows(() => new Device(backend, "f64"), TypeError, "Cannot hold f64 tensors on backend");
  }));
