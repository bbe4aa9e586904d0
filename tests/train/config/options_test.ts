import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { positions } from "../../../nn/dropout/plan.ts";
import { helpText } from "../../../train/config/help.ts";
import { unknownName } from "../../../train/config/nearest.ts";
import type { OptionTable } from "../../../train/config/options.ts";
import { parseFlags, parseObject, resolveOptions } from "../../../train/config/parse.ts";
import { trainOptions } from "../../../train/config/train_options.ts";

const table = {
  name: { kind: "text", help: "a name", required: true },
  share: { kind: "number", help: "a share", min: 0, default: 0.5 },
  shift: { kind: "number", help: "a shift", defaultText: "none" },
  rate: { kind: "rate", help: "a rate", positions },
  names: { kind: "list", help: "names" },
  layers: { kind: "layers", help: "layers" },
  branches: { kind: "choice", help: "branches", choices: [1, 2], default: 1 },
  perHead: { kind: "switch", help: "one for all", default: true },
} as const satisfies OptionTable;

const flags = (...args: string[]) => parseFlags(table, args);
const object = (json: unknown) => parseObject(table, json, "f.json");

function refused(run: () => unknown, ...parts: string[]): void {
  const { message } = assertThrows(run, OptionError);
  for (const part of parts) assertStringIncludes(message, part);
}

Deno.test("parseFlags() takes a negative number behind a space as a value", () => {
  assertEquals(flags("--shift", "-1"), { shift: -1 });
  assertEquals(flags("--shift", "-.5e1", "--name", "x"), { shift: -5, name: "x" });
  assertEquals(flags("--name", "-7"), { name: "-7" });
  refused(() => flags("--share", "-1"), "--share", "at least 0", '"-1"');
  refused(() => flags("--rate", "-0.1"), "--rate", "[0, 1)", "found -0.1");
});

Deno.test("parseFlags() reads an option whose name begins with no-", () => {
  const table = { noRepeat: { kind: "integer", help: "a length" } } as const;
  for (const args of [["--no-repeat", "3"], ["--no-repeat=3"]]) {
    assertEquals(parseFlags(table, args), { noRepeat: 3 });
  }
  refused(() => parseFlags(table, ["--no-repeat=x"]), "--no-repeat", "an integer", '"x"');
});

Deno.test("parseFlags() takes nothing but numbers as negative values", () => {
  refused(() => flags("--name", "--share", "1"), "--name", "requires a value");
  refused(() => flags("--per-head", "-1"), "Cannot find option --");
  refused(() => flags("-1"), "Cannot find option --");
});

Deno.test("parseFlags() refuses a flag that is given twice", () => {
  refused(() => flags("--share", "1", "--share", "2"), "--share", "given twice");
  refused(() => flags("--share=1", "--share", "1"), "--share", "given twice");
  refused(() => flags("--shift", "-1", "--shift=-1"), "--shift", "given twice");
  refused(() => flags("--per-head", "--no-per-head"), "--no-per-head", "given twice");
});

Deno.test("parseFlags() and parseObject() know no inherited names", () => {
  for (const name of ["constructor", "toString", "__proto__"]) {
    refused(() => flags(`--${name}`, "1"), `Cannot find option --${name}`);
    refused(() => object(JSON.parse(`{"${name}": 1}`)), `Cannot find option ${name} in f.json`);
  }
});

Deno.test("A rate is a number in [0, 1), or one for each position", () => {
  const pair = { logits: 0.1, hidden: 0 };
  assertEquals(flags("--rate", "0"), { rate: 0 });
  assertEquals(flags("--rate", "logits=0.1, hidden = 0"), { rate: pair });
  assertEquals(object({ rate: pair }), { rate: pair });
  for (const twice of ["hidden=0.1,hidden=0.2", "logits=0,logits=0"]) {
    refused(() => flags("--rate", twice), "--rate", "each position at most once");
  }
  refused(() => flags("--rate", "logits=0.1=0.2"), "--rate", "POSITION=NUMBER");
  refused(() => flags("--rate", "1"), "--rate", "[0, 1)", "found 1");
  refused(() => flags("--rate", "logits=0.1,hidden=1"), "hidden in --rate", "found 1");
  refused(() => object({ rate: { logits: -1 } }), "logits in rate in f.json", "found -1");
  for (const value of ["0.1", null, [0.1], true, {}]) {
    refused(() => object({ rate: { logits: value } }), "rate in f.json", "a number for each");
  }
});

Deno.test("parseObject() takes texts as texts alone", () => {
  assertEquals(object({ name: "x", names: [0, 1] }), { name: "x", names: ["0", "1"] });
  for (const name of [null, 1, true, {}]) refused(() => object({ name }), "name in f.json", "text");
});

Deno.test("Words go to the positional option, and are refused where there is none", () => {
  const one = { run: { kind: "text", help: "a run", positional: true } } as const;
  const many = { paths: { kind: "list", help: "paths", positional: true } } as const;
  assertEquals(parseFlags(one, ["a"]), { run: "a" });
  assertEquals(parseFlags(many, ["a,b", "c"]), { paths: ["a,b", "c"] });
  refused(() => parseFlags(one, ["a", "b"]), "the word b", "--run");
  refused(() => parseFlags(one, ["--run", "a", "b"]), "the word b", "--run is given too");
  refused(() => flags("--share=1", "word"), "the word word", "flags are required");
});

Deno.test("Layers are all, the latter half, or numbers, as flags, files and saved runs have them", () => {
  assertEquals(flags("--layers", "latter-half"), { layers: "latter-half" });
  assertEquals(flags("--layers", "0, 2"), { layers: [0, 2] });
  for (const layers of [["0", "2"], [0, 2], "0,2"]) assertEquals(object({ layers }).layers, [0, 2]);
  assertEquals(object({ layers: ["all"] }).layers, "all");
  for (const layers of ["all,1", "1.5", "-1", "half"]) {
    refused(() => object({ layers }), "layers in f.json", "all, latter-half or a list of layers");
  }
});

Deno.test("A choice of numbers gives a number", () => {
  assertEquals([flags("--branches", "2"), object({ branches: 2 })], [{ branches: 2 }, {
    branches: 2,
  }]);
  refused(() => flags("--branches", "3"), "--branches", "one of 1, 2", '"3"');
});

Deno.test("Numbers keep to their bounds, whoever gives them", () => {
  const bounded = {
    decay: { kind: "number", help: "a decay", min: 0, below: 1, default: 0.5 },
    epochs: { kind: "number", help: "epochs", above: 0, default: 1 },
  } as const;
  const resolve = (values: { decay?: number; epochs?: number }) =>
    resolveOptions(bounded, "go", values);
  assertEquals(resolve({ decay: 0 }), { decay: 0, epochs: 1 });
  refused(() => resolve({ decay: 1 }), "--decay", "of at least 0 and below 1", "found 1");
  refused(() => resolve({ epochs: 0 }), "--epochs", "above 0", "found 0");
  refused(() => resolve({ epochs: NaN }), "--epochs", "above 0");
});

Deno.test("Numbers are decimal, switches true or false, and lists have no empty words", () => {
  for (const number of ["0x10", "0b1", "1e", "1_000", "Infinity", "one", "1,5"]) {
    refused(() => flags("--share", number), "--share", "a number", `"${number}"`);
    refused(() => object({ share: number }), "share in f.json", `"${number}"`);
  }
  for (const share of [[1], [], {}, true, null]) {
    refused(() => object({ share }), "share in f.json");
  }
  for (const number of ["1", "+1", "1.", "10e-1", ".1E1", " 1 "]) {
    assertEquals(flags("--share", number), { share: 1 });
  }
  refused(() => flags("--per-head=maybe"), "--per-head as true or false", "found maybe");
  refused(() => flags("--no-per-head=true"), "--no-per-head as no value", "found true");
  assertEquals(flags("--per-head=false"), { perHead: false });
  for (const list of [",", "a,,b", "a,", " "]) {
    refused(() => flags("--names", list), "--names", "a list of words");
  }
  for (const names of [[], [""], ["a", null], [["a"]], true, {}]) {
    refused(() => object({ names }), "names in f.json", "a list of words");
  }
  refused(() => flags("--layers", "1,,2"), "--layers", "a list of layers");
  refused(() => object({ layers: [] }), "layers in f.json", "a list of layers");
  refused(() => object({ branches: [1] }), "branches in f.json", "one of 1, 2");
});

Deno.test("resolveOptions() takes the last layer that says something, else the default", () => {
  const layers = [{ name: "a", share: 1 }, { share: 0 }, { shift: 2 }];
  assertEquals(resolveOptions(table, "go", ...layers), {
    name: "a",
    share: 0,
    shift: 2,
    branches: 1,
    perHead: true,
  });
});

Deno.test("resolveOptions() names the first required option that is missing", () => {
  refused(() => resolveOptions(table, "go", { share: 1 }), "Cannot go without --name");
});

Deno.test("unknownName() measures the distance of the name alone", () => {
  const { message } = unknownName("epocs", ["epochs", "compensation"], " in a-long-folder.json");
  assertEquals(
    message,
    "Cannot find option epocs in a-long-folder.json: the nearest known one is epochs",
  );
});

Deno.test("helpText() says what is required and what holds where nothing is given", () => {
  const lines = helpText("usage", table).split("\n");
  const line = (flag: string) => lines.find((text) => text.startsWith(`  --${flag} `)) ?? "";
  assert(line("name").endsWith("a name (required)"));
  assert(line("share").endsWith("a share (default: 0.5)"));
  assert(line("shift").endsWith("a shift (default: none)"));
  assert(line("no-per-head").endsWith("one for all"));
});

Deno.test("helpText() groups options under headings and keeps to 100 columns", () => {
  const long = "word ".repeat(40).trimEnd();
  const text = helpText("usage", {
    a: { kind: "text", help: long, group: "data" },
    b: { kind: "integer", help: "b", group: "LoRA" },
    c: { kind: "switch", help: "c", group: "data" },
    d: { kind: "list", help: "d" },
  });
  const lines = text.split("\n");
  assertEquals(lines.filter((line) => /^\w+:$/.test(line)), ["Data:", "LoRA:", "Options:"]);
  assertEquals(lines.indexOf("  --c") < lines.indexOf("LoRA:"), true);
  assert(lines.every((line) => line.length <= 100));
  assertStringIncludes(text.replace(/\s+/g, " "), long);
});

Deno.test("sizes that would fill the memory are refused", () => {
  refused(() => parseFlags(trainOptions, ["--rank", "1000000000"]), "--rank", "below 16385");
  refused(() => parseFlags(trainOptions, ["--threads", "1000000"]), "--threads", "below 257");
  refused(() => parseObject(trainOptions, { threads: 1e6 }, "run.json"), "threads in run.json");
});
