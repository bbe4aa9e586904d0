/** Training batches that are filled up to a multiple of some tokens: the same steps. */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { LanguageModel } from "../../nn/models/decoder.ts";
import type { Method } from "../../nn/dropout/methods.ts";
import { type GivenConfig, resolveConfig } from "../../train/config/config.ts";
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

const runs:
  readonly (readonly [task: "rte" | "e2e" | "mrpc", "bert" | "gpt2", Method, GivenConfig])[] = [
    ["rte", "bert", "hiddenkey", {}],
    ["mrpc", "bert", "hiddencut", {}],
    ["e2e", "gpt2", "hiddenkey", { accumulate: 2, epochs: 4, smoothing: 0.1, branches: 2 }],
    ["e2e", "gpt2", "dropkey", { compensation: "js", pack: true }],
  ];
for (const [task, model, method, more] of runs) {
  Deno.test(`a run of ${task} with ${method} takes the same steps whatever it is filled up to`, async () => {
    const losses = async (padMultiple: number) => {
      const found: number[] = [];
      const config = resolveConfig({
        ...more,
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

for (const pack of [false, true]) {
  Deno.test(`steps of a language model have few shapes, with pack ${pack}`, async () => {
    const { forward } = LanguageModel.prototype;
    const sizes: (readonly [width: number, targets: number])[] = [];
    LanguageModel.prototype.forward = function (context) {
      const { width, rows, labels, examples } = context.batch;
      if (examples !== undefined) sizes.push([width, rows!.shape[0]!]);
      assertEquals(labels!.shape, rows!.shape);
      return forward.call(this, context);
    };
    try {
      const config = resolveConfig({
        ...{ task: "e2e", data: workspace.data("e2e"), model: workspace.model("gpt2"), pack },
        ...{ method: "hiddenkey-", padMultiple: 7, maxSteps: 3, backend: "cpu", threads: 1 },
        ...{ generate: 0, evalStart: false },
      });
      await train(config);
    } finally {
      LanguageModel.prototype.forward = forward;
    }
    assertEquals(sizes.length, 3);
    for (const [width, targets] of sizes) assertEquals([width % 7, targets % 7], [0, 0]);
  });
}
