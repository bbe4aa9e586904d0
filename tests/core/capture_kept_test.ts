// What is kept of captured work, and which memory it takes for the same.
import { assert, assertEquals } from "@std/assert";
import type { CapturedWork } from "../../core/backend.ts";
import { Captures } from "../../core/capture.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import { reshape } from "../../core/ops/view.ts";
import { tensor } from "../../core/tensor.ts";
import { capturingTest } from "../support/capturing_devices.ts";
import { withInterpreted } from "../support/interpreted_device.ts";

capturingTest("a signature that was not met for long is forgotten", async (on) => {
  await on((device) => {
    const captures = new Captures();
    const x = tensor(device, [1, 2]);
    let computed = 0;
    const run = (signature: string) =>
      captures.run(
        device,
        { signature, inputs: [x], key: [0, 0], unchanged: () => () => true },
        () => {
          computed++;
          return { y: scale(x, 2) };
        },
      );
    for (let i = 0; i < 4; i++) run("first");
    assertEquals(computed, 3);
    for (let i = 0; i < 127; i++) run(`another ${i}`);
    run("first");
    assertEquals(computed, 3 + 127);
    for (let i = 0; i < 128; i++) run(`other ${i}`);
    run("first");
    assertEquals(computed, 3 + 127 + 128 + 1);
  });
});

capturingTest("inputs that shared memory and do not any more are computed", async (on) => {
  await on(async (device) => {
    const captures = new Captures();
    for (let i = 0; i < 6; i++) {
      using _step = device.scope("step");
      const a = tensor(device, [i, 2]);
      const b = i < 5 ? reshape(a, [2]) : tensor(device, [10, 20]);
      const captured = {
        signature: "",
        inputs: [a, b],
        key: [0, 0],
        unchanged: () => () => true,
      } as const;
      const { y } = captures.run(device, captured, () => ({ y: add(a, b) }));
      assertEquals([...await y!.read()], i < 5 ? [2 * i, 4] : [15, 22]);
    }
  });
});

Deno.test("of many works those that were queued last keep their graphs", async () => {
  await withInterpreted({}, (device, { backend, counts }) => {
    const { capturing } = backend;
    const x = tensor(device, [1, 2, 3]);
    const works = Array.from({ length: 129 }, () => {
      capturing!.begin();
      device.inside("work", () => scale(x, 2));
      return capturing!.end([], [])!;
    });
    const built = (work: CapturedWork) => {
      const before = counts.get("cuGraphInstantiateWithFlags") ?? 0;
      assert(work.queue([], work.scalars));
      return (counts.get("cuGraphInstantiateWithFlags") ?? 0) - before;
    };
    assertEquals(works.slice(0, 128).map(built), works.slice(0, 128).map(() => 1));
    assertEquals(built(works[0]!), 0);
    assertEquals(built(works[128]!), 1);
    assertEquals([built(works[0]!), built(works[1]!)], [0, 1]);
  });
});

capturingTest("work that comes again needs no more memory than computing it", async (on) => {
  await on((device, { statistics }) => {
    const captures = new Captures();
    const x = tensor(device, new Float32Array(2 ** 16));
    const captured = {
      signature: "",
      inputs: [x],
      key: [0, 0],
      unchanged: () => () => true,
    } as const;
    let computed = 0;
    let peak = 0;
    for (let i = 0; i < 6; i++) {
      using _step = device.scope("step");
      captures.run(device, captured, () => {
        computed++;
        return { y: add(scale(x, 2), scale(x, 3)) };
      });
      if (i === 2) peak = statistics.peakBytes;
    }
    assertEquals([computed, statistics.peakBytes], [3, peak]);
  });
});
