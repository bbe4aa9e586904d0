import { assert, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import type { GivenConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { readConfig } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { maxSequenceLength, openTask } from "../../../train/tasks/open.ts";
import { tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";
import { openClassifier } from "../../../train/run/load_model.ts";
import { seedKey } from "../../../core/random.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

async function open(task: TaskName, changes: GivenConfig) {
  const config = workspace.config(task, changes);
  return await openTask(config, await readConfig(config.model), await loadTokenizer(config.model));
}

Deno.test("the longest sequence is 128 tokens of labelled texts, 512 of written ones, or as asked", () => {
  const model = (positions: number) => {
    return tinyConfig("gpt2", { max_position_embeddings: positions });
  };
  const most = (task: TaskName, positions: number, changes: GivenConfig = {}) =>
    maxSequenceLength(workspace.config(task, changes), model(positions));
  for (const task of ["rte", "stsb", "cola"] as const) {
    assertEquals([most(task, 1000), most(task, 100)], [128, 100]);
  }
  for (const task of ["e2e", "webnlg"] as const) {
    assertEquals([most(task, 1000), most(task, 300)], [512, 300]);
  }
  assertEquals(most("rte", 1000, { maxLength: 500 }), 500);
  assertEquals(most("e2e", 1000, { maxLength: 20 }), 20);
  assertThrows(() => most("rte", 100, { maxLength: 101 }), OptionError, "at most 100");
});

Deno.test("texts are cut to the tokens that are asked for", async () => {
  for (const maxLength of [6, 9]) {
    const { train } = await open("rte", { maxLength });
    assert(train.every(({ ids }) => ids.length <= maxLength));
    assert(train.some(({ ids }) => ids.length === maxLength));
  }
  const { train, notes } = await open("e2e", { maxLength: 40 });
  assert(train.every(({ ids }) => ids.length <= 40));
  assertEquals(notes.length, train.some(({ ids }) => ids.length === 40) ? 1 : 0);
});

Deno.test("each limit counts the examples of its own split", () =>
  withDevice("f32", async (device) => {
    for (const task of ["rte", "e2e"] as const) {
      assertEquals((await open(task, { trainLimit: 9, devLimit: 3 })).train.length, 9);
    }
    // Of three examples an accuracy is a number of thirds.
    const { model } = await openClassifier(workspace.model("bert"), device, seedKey(1), 2);
    for (const devLimit of [1, 3, 7]) {
      const { evaluate } = await open("rte", { trainLimit: 9, devLimit });
      const { accuracy } = await evaluate(model, device, { final: true });
      const hits = accuracy! * devLimit;
      assert(Math.abs(hits - Math.round(hits)) < 1e-9, `${accuracy} of ${devLimit}`);
    }
  }));
