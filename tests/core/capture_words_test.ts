// Words by which captured work chooses rows, where they come out of it and stay.
import { assertEquals } from "@std/assert";
import { Captures } from "../../core/capture.ts";
import { gather } from "../../core/ops/gather.ts";
import { sum } from "../../core/ops/reduce.ts";
import { contiguous, reshape, transpose } from "../../core/ops/view.ts";
import { seedKey } from "../../core/random.ts";
import { tensor } from "../../core/tensor.ts";
import { capturingTest } from "../support/capturing_devices.ts";

capturingTest("words that come out and stay are not those of the next time", async (on) => {
  await on((device) => {
    using _scope = device.scope("words");
    const captures = new Captures();
    const weight = tensor(device, [1, 2, 3, 4, 5], [5, 1]);
    const computed: number[] = [];
    for (let step = 0; step < 6; step++) {
      const rows = tensor(device, [step % 5, 1, (2 * step) % 5, 0], [4, 1], "u32");
      captures.run(
        device,
        { signature: "words", inputs: [rows], key: seedKey(step), unchanged: () => () => true },
        () => {
          computed.push(step);
          const copied = reshape(contiguous(transpose(reshape(rows, [2, 2]))), [4]);
          return { result: sum(gather(weight, copied)), copied };
        },
      );
    }
    assertEquals(computed, [0, 1, 2, 3, 4, 5]);
    return Promise.resolve();
  });
});
