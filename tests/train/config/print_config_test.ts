import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { trainCommand } from "../../../train/commands/train.ts";
import { parseObject } from "../../../train/config/parse.ts";
import { presetFor } from "../../../train/config/presets.ts";
import { schemaOf } from "../../../train/config/schema.ts";
import { trainOptions } from "../../../train/config/train_options.ts";
import { listing } from "../../support/cli.ts";
import { savedBy } from "../../support/train_in_process.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** What the command prints to standard output. */
async function printed(...args: string[]): Promise<string> {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => lines.push(line);
  try {
    assertEquals(await trainCommand.run(args), 0);
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

interface Row {
  readonly value: unknown;
  readonly source: string;
  readonly means?: string;
}
const configOf = async (...args: string[]): Promise<Record<string, Row>> =>
  JSON.parse(await printed(...args, "--print-config"));

const data = () => workspace.data("rte");
const model = () => workspace.model("bert");

Deno.test("--print-config names the source of each value, and does nothing else", async () => {
  const path = workspace.out("own.yaml");
  await Deno.writeTextFile(
    path,
    `task: rte\ndata: ${data()}\nmodel: ${model()}\nlr: 1e-2\nrank: 3\n`,
  );
  const before = listing(workspace.root);
  const out = workspace.out("never");
  const config = await configOf(
    ...["--preset", "paper,weight-decay", "--config", path],
    ...["--rank", "2", "--no-bucket", "--out", out],
  );
  assertEquals(Object.keys(config), Object.keys(trainOptions));
  assertEquals(config["rank"], { value: 2, source: "flag" });
  assertEquals(config["bucket"], { value: false, source: "flag" });
  assertEquals(config["lr"], { value: 0.01, source: `file ${path}` });
  assertEquals(config["task"], { value: "rte", source: `file ${path}` });
  assertEquals(config["epochs"], {
    value: presetFor("paper", "rte").epochs,
    source: "preset paper",
  });
  assertEquals(config["weightDecay"], { value: 0.01, source: "preset weight-decay" });
  assertEquals(config["clip"], { value: 1, source: "default" });
  assertEquals(config["orderSeed"], { value: null, source: "default", means: "--seed" });
  assertEquals(listing(workspace.root), before);
  // What has a value is a configuration that can be read again.
  const values = Object.entries(config).flatMap(([name, { value }]) =>
    value === null ? [] : [[name, value]]
  );
  parseObject(trainOptions, Object.fromEntries(values), "printed");
});

Deno.test("--print-config names the run that is resumed, and what it is changed by", async () => {
  const out = workspace.out("run");
  const sizes = ["--batch", "8", "--max-length", "40", "--max-steps", "3", "--save-every", "1"];
  await savedBy(out, "--task", "rte", "--data", data(), "--model", model(), ...sizes);
  const config = await configOf("--resume", `${out}/checkpoint-1`, "--lr", "0.25");
  assertEquals(config["batch"], { value: 8, source: `run ${out} (resumed)` });
  assertEquals(config["out"], { value: out, source: `run ${out} (resumed)` });
  assertEquals(config["lr"], { value: 0.25, source: "flag" });
  // A run saves its defaults too, so that they are no longer those of a newer version.
  assertEquals(config["clip"], { value: 1, source: `run ${out} (resumed)` });
});

Deno.test("--print-config names every preset that gave a site", async () => {
  const args = ["--task", "rte", "--data", "d", "--model", "m"];
  const one = await configOf(...args, "--preset", "droplora,neftune");
  assertEquals(one["site"]!.source, "preset droplora");
  const both = await configOf(...args, "--preset", "r-drop,neftune,droplora");
  assertEquals(both["site"]!.source, "preset r-drop, droplora");
  assertEquals((both["site"]!.value as unknown[]).length, 4);
});

Deno.test("what --print-config printed is a configuration file of the same run", async () => {
  const args = ["--task", "rte", "--data", "d", "--model", "m", "--preset", "r-drop,neftune"];
  const rates = ["--rate", "logits=0.2,hidden=0", "--layers", "0,2", "--decay-exclude", "bias"];
  const first = await configOf(...args, ...rates, "--site", "hidden=span,0.3,layers=1+2");
  const path = workspace.out("printed.json");
  await Deno.writeTextFile(path, JSON.stringify(first, null, 2));
  const again = await configOf("--config", path);
  const valuesOf = (config: Record<string, Row>) =>
    Object.entries(config).map(([name, { value }]) => [name, value]);
  assertEquals(valuesOf(again), valuesOf(first));
  assertEquals(again["task"]!.source, `file ${path}`);
  assertEquals(again["out"]!.source, "default");
  await Deno.writeTextFile(path, '{\n"lr": {"value": "x", "source": "flag"}\n}');
  await assertRejects(() => configOf("--config", path), OptionError, `lr in ${path}:2 as a number`);
  await Deno.writeTextFile(path, '{\n"lr": {"value": 1, "source": "flag"},\n"rank": 1\n}');
  await assertRejects(() => configOf("--config", path), OptionError, `lr in ${path}:2 as a number`);
});

Deno.test("--print-config refuses what training would refuse", async () => {
  await assertRejects(() => trainCommand.run(["--print-config"]), OptionError, "--task");
  const args = ["--task", "rte", "--data", "d", "--model", "m", "--print-config"];
  for (
    const [flags, message] of [
      [["--min-lr", "1"], "--min-lr as at most the --lr of 0.0005 is required: found 1"],
      [["--lr", "0", "--head-lr", "1"], "--head-lr as an --lr above 0 is required"],
      [["--power", "2"], "--power as --schedule polynomial is required: found linear"],
      [["--decay-exclude", "x"], "one of bias, norm is required"],
    ] as const
  ) {
    const { message: found } = await assertRejects(
      () => trainCommand.run([...args, ...flags]),
      OptionError,
    );
    assertStringIncludes(found, message);
  }
});

Deno.test("--schema prints the schema of configuration files, whatever else is given", async () => {
  for (const args of [["--schema"], ["--schema", "--lr", "1"]]) {
    const schema = JSON.parse(await printed(...args));
    assert(schema.properties.lr.minimum === 0);
    assertEquals(schema, JSON.parse(JSON.stringify(schemaOf(trainOptions, schema.title))));
  }
});
