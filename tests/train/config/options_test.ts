import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import {
  helpText,
  type OptionTable,
  parseFlags,
  parseObject,
  unknownName,
} from "../../../train/config/options.ts";

const table: OptionTable = {
  name: { kind: "text", help: "a name", required: true },
  share: { kind: "number", help: "a share", min: 0, default: 0.5 },
  shift: { kind: "number", help: "a shift", defaultText: "none" },
  rate: { kind: "rate", help: "a rate" },
  layers: { kind: "list", help: "layers" },
  perHead: { kind: "switch", help: "one for all", default: true },
};

const flags = (...args: string[]) => parseFlags(table, args).values;
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

Deno.test("parseFlags() takes nothing but numbers as negative values", () => {
  refused(() => flags("--name", "--share", "1"), "--name", "requires a value");
  refused(() => flags("--per-head", "-1"), "Cannot find option --");
  refused(() => flags("-1"), "Cannot find option --");
  assertEquals(parseFlags(table, ["--share=1", "word"]).words, ["word"]);
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
  refused(() => flags("--rate", "1"), "--rate", "[0, 1)", "found 1");
  refused(() => flags("--rate", "logits=0.1,hidden=1"), "hidden in --rate", "found 1");
  refused(() => object({ rate: { logits: -1 } }), "logits in rate in f.json", "found -1");
  for (const value of ["0.1", null, [0.1], true, {}]) {
    refused(() => object({ rate: { logits: value } }), "rate in f.json", "a number for each");
  }
});

Deno.test("parseObject() takes texts as texts alone", () => {
  assertEquals(object({ name: "x", layers: [0, 1] }), { name: "x", layers: ["0", "1"] });
  for (const name of [null, 1, true, {}]) refused(() => object({ name }), "name in f.json", "text");
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
