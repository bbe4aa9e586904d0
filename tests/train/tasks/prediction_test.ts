import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import type { GivenConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { readE2e } from "../../../train/data/e2e.ts";
import { readGlue } from "../../../train/data/glue.ts";
import { generates } from "../../../train/data/text_tasks.ts";
import { openClassifier, openLanguageModel, readConfig } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { openTask } from "../../../train/tasks/open.ts";
import { keptText, type Prediction } from "../../../train/tasks/prediction.ts";
import { withDevice } from "../../support/with_device.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Evaluates a model that was not trained, and gives its metrics and all predictions. */
async function evaluated<P extends Prediction>(
  name: TaskName,
  device: Device,
  changes: GivenConfig = {},
  final = true,
) {
  const config = workspace.config(name, changes);
  const tokenizer = await loadTokenizer(config.model);
  const task = await openTask(config, await readConfig(config.model), tokenizer);
  const { model } = generates(name)
    ? await openLanguageModel(config.model, device, seedKey(1))
    : await openClassifier(config.model, device, seedKey(1), task.labels);
  const predictions: P[] = [];
  const collect = (one: Prediction) => {
    predictions.push(one as P);
  };
  const metrics = await task.evaluate(model, device, { final, collect });
  return { metrics, predictions, classes: task.classes, tokenizer };
}

const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

Deno.test("predictions of classes are of each example in order, and come to the metrics", () =>
  withDevice("f64", async (device) => {
    const { metrics, predictions, classes } = await evaluated<
      Extract<Prediction, { probabilities: unknown }>
    >("rte", device);
    const dev = await readGlue("rte", workspace.data("rte"), "dev");
    assertEquals(
      predictions.map(({ index, texts, label }) => [index, texts, label]),
      dev.map(({ index, textA, textB, label }) => [index, [textA, textB!], classes[label!]!]),
    );
    const hits = predictions.filter(({ label, predicted }) => label === predicted).length;
    assertEquals(hits / dev.length, metrics["accuracy"]);
    assertAlmostEquals(mean(predictions.map(({ loss }) => loss)), metrics["loss"]!, 1e-12);
    for (const { label, predicted, probabilities, loss } of predictions) {
      assertAlmostEquals(probabilities.reduce((sum, p) => sum + p), 1, 1e-12);
      assertEquals(probabilities[classes.indexOf(predicted)], Math.max(...probabilities));
      assertAlmostEquals(loss, -Math.log(probabilities[classes.indexOf(label)]!), 1e-12);
    }
  }));

Deno.test("predictions of scores come to the mean squared error, under both of its names", () =>
  withDevice("f64", async (device) => {
    const { metrics, predictions } = await evaluated<Extract<Prediction, { label: number }>>(
      "stsb",
      device,
    );
    const errors = predictions.map(({ label, predicted }) => (label - predicted) ** 2);
    assertEquals(predictions.map(({ loss }) => loss), errors);
    assertAlmostEquals(mean(errors), metrics["mse"]!, 1e-12);
    assertAlmostEquals(metrics["loss"]!, metrics["mse"]!, 1e-12);
  }));

Deno.test("predictions of texts are one a distinct input, with the loss of all its references", () =>
  withDevice("f64", async (device) => {
    type Text = Extract<Prediction, { references: unknown }>;
    const { predictions, metrics, tokenizer } = await evaluated<Text>("e2e", device, {
      generate: 2,
    });
    const dev = await readE2e(workspace.data("e2e"), "dev");
    const inputs = [...new Set(dev.map(({ context }) => context))];
    assertEquals(predictions.map(({ index, input }) => [index, input]), [...inputs.entries()]);
    for (const { input, references } of predictions) {
      const own = dev.filter(({ context }) => context === input);
      assertEquals(references, own.map(({ reference }) => reference!));
    }
    assertEquals(predictions.map((one) => "generated" in one), inputs.map((_, i) => i < 2));
    // Each input counts as often as its references have tokens, their ends included.
    const tokens = predictions.map(({ references }) =>
      references.reduce((sum, text) => {
        return sum + tokenizer.encode(` ${text}`, undefined, { special: false }).ids.length + 1;
      }, 0)
    );
    const total = predictions.reduce((sum, { loss }, i) => sum + loss * tokens[i]!, 0);
    assertAlmostEquals(total / tokens.reduce((a, b) => a + b), metrics["loss"]!, 1e-12);
    assert(predictions.some(({ references }) => references.length > 1));
    const early = await evaluated<Text>("e2e", device, {}, false);
    assert(early.predictions.every((one) => !("generated" in one)));
  }));

Deno.test("an evaluation reports its dev loss, of every task and before the end too", () =>
  withDevice("f32", async (device) => {
    const tasks = ["rte", "mrpc", "stsb", "sst2", "cola", "e2e", "webnlg"] as const;
    for (const task of tasks) {
      for (const final of [false, true]) {
        const { metrics } = await evaluated(task, device, { devLimit: 4, generate: 0 }, final);
        assert(Number.isFinite(metrics["loss"]), task);
      }
    }
  }));

Deno.test("texts are kept whole up to 2000 characters, and cut between characters", () => {
  const whole = "x".repeat(2000);
  assertEquals(keptText(whole), whole);
  assertEquals(keptText(`${whole}y`), `${"x".repeat(1999)}…`);
  const pair = `${"x".repeat(1998)}😀😀`;
  assertEquals(keptText(pair), `${"x".repeat(1998)}…`);
});
