// Masks of examples that processes share out are those of one process, bit for bit.
import { assert, assertEquals } from "@std/assert";
import { full } from "../../../core/ops/create.ts";
import { seedKey } from "../../../core/random.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { type Site, structures } from "../../../nn/dropout/plan.ts";
import { layerPlace, siteAt } from "../../../nn/dropout/site.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { batchesOfStep, type Share } from "../../../train/data/batches.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const tokens = [3, 9, 1, 7, 4, 4, 8, 2, 6, 5];
const features = 5;

/** Masks of the examples that a process has, by their positions in the step, for either pass. */
function masksOf(site: Site, share: Share): Promise<Map<string, string>> {
  const masks = new Map<string, string>();
  return withDevice("f32", async (device) => {
    const all = tinyExamples(tokens);
    for (const positions of batchesOfStep(tokens, { batch: 4, bucket: true }, share)) {
      const examples = positions.map((position) => all[position]!);
      const { size, width, ...batch } = toBatch(device, examples, { numbers: positions });
      for (const pass of [0, 1] as const) {
        const plan = {
          sites: [site],
          compensation: { kind: "kl", weight: 1, branches: 1 },
        } as const;
        const dropout = {
          ...{ plan, key: seedKey(3), examples: batch.examples![pass], lengths: batch.lengths },
        };
        const active = siteAt({ dropout }, "hidden", layerPlace(0, 1))!;
        const x = await dropHidden(full(device, [size, width, features], 1), active).read();
        positions.forEach((position, row) => {
          const from = row * width * features;
          const own = x.slice(from, from + tokens[position]! * features);
          masks.set(`${position} in pass ${pass}`, own.join());
        });
      }
    }
  }).then(() => masks);
}

for (const structure of structures) {
  Deno.test(`masks of ${structure} follow the example's place in the step, whoever has it`, async () => {
    const site: Site = { position: "hidden", structure, rate: 0.4, layers: "all" };
    const whole = await masksOf(site, { rank: 0, size: 1 });
    assertEquals(whole.size, 2 * tokens.length);
    assert(new Set(whole.values()).size > tokens.length);
    for (const size of [2, 3, 4, 12]) {
      const shared = new Map<string, string>();
      for (let rank = 0; rank < size; rank++) {
        for (const [name, mask] of await masksOf(site, { rank, size })) {
          assert(!shared.has(name), `${name} is two processes'`);
          shared.set(name, mask);
        }
      }
      assertEquals([...shared].sort(), [...whole].sort());
    }
  });
}

Deno.test("batchesOfStep() deals examples out in turn, and no process has more at once than a batch", () => {
  const of = (rank: number) =>
    batchesOfStep([3, 9, 1, 9, 4], { batch: 2, bucket: true }, { rank, size: 2 });
  assertEquals([of(0), of(1)], [[[1, 4], [2]], [[3, 0]]]);
  assertEquals(batchesOfStep([3], { batch: 2, bucket: false }, { rank: 1, size: 2 }), []);
});
