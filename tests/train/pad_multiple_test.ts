/** Training batches that are filled up to a multiple of some tokens: the same steps. */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { resolveConfig } from "../../train/config/config.ts";
import { paddedWidth } from "../../train/step.ts";
import { train } from "../../train/train.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

Deno.test("paddedWidth() is the next multiple, as far as there are positions, and never too short", () => {
  const width = (lengths: number[], padMultiple: number, maxPositions = 64) =>
    paddedWidth(lengths, { padMultiple }, { config: { maxPositions } } as never);
  assertEquals(width([3, 9], 1), 9);
  assertEquals(width([3, 9], 8), 16);
  assertEquals(width([16], 8), 16);
  assertEquals(width([57], 60), 60);
  assertEquals(width([61], 60), 64);
  assertEquals(width([64], 60), 64);
});

const runs = [["rte", "bert", "hiddenkey"], ["e2e", "gpt2", "hiddenkey"], [
  "mrpc",
  "bert",
  "hiddencut",
]] as const;
for (const [task, model, method] of runs) {
  Deno.test(`a run of ${task} with ${method} takes the same steps whatever it is filled up to`, async () => {
    const losses = async (padMultiple: number) => {
      const found: number[] = [];
      const config = resolveConfig({
        ...{ task, data: workspace.data(task), model: workspace.model(model), method, padMultiple },
        ...{ dtype: "f64", maxSteps: 4, lr: 1e-2, backend: "cpu", threads: 1, evalStart: false },
        ...{ generate: 0, layers: "all" },
      });
      await train(config, { onStep: ({ loss }) => void found.push(loss) });
      return found;
    };
    const [plain, padded] = [await losses(1), await losses(7)];
    assertEquals(new Set(plain).size, 4);
    plain.forEach((loss, i) => assertAlmostEquals(loss, padded[i]!, 1e-12));
  });
}
