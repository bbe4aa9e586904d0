// Examples that share rows, on an interpreted card whose attention is one program.
import { assert, assertEquals } from "@std/assert";
import { dropoutPlan, type Method, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { assertClose } from "../../support/differences.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { adaptedState, stepOf } from "../../support/packed.ts";
import { tinyExamples } from "../../support/tiny_models.ts";

const cases: readonly (readonly [Method, PlanOptions])[] = [
  ["hiddenkey", { rate: 0.3 }],
  ["dropkey", { rate: 0.5, structure: "element" }],
  ["dropattention", { rate: 0.3, structure: "span" }],
];

for (const [method, options] of cases) {
  const name = `${method} ${options.structure ?? ""}`.trim();
  Deno.test(`packed examples have the losses and gradients of ${name} that they have alone on a card`, () =>
    withInterpreted({}, async (device, { backend }) => {
      const attention = backend.attention!;
      const run = attention.run.bind(attention);
      let runs = 0;
      attention.run = (program, binding) => {
        runs++;
        run(program, binding);
      };
      const state = await adaptedState(device, "llama", { hidden_size: 16 });
      const examples = tinyExamples([5, 9, 2, 4], true);
      const plan = dropoutPlan(method, false, options);
      const alone = await stepOf(device, state, examples, { plan, pack: false });
      const before = runs;
      const packed = await stepOf(device, state, examples, { plan, pack: true });
      assert(before > 0);
      assertEquals(runs, 2 * before, "attention is one program in both");
      const largest = Math.max(...alone.gradients.map(Math.abs));
      assert(largest > 1e-3);
      assertClose(packed.gradients, alone.gradients, 1e-4 * largest);
      const losses = ({ loss, task, compensation = 0 }: typeof alone) => [loss, task, compensation];
      assertClose(losses(packed), losses(alone), 1e-4, 1e-4);
    }));
}
