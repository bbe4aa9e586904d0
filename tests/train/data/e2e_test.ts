import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError, OptionError } from "../../../core/errors.ts";
import { parseCsv } from "../../../train/data/csv.ts";
import { linearise, parseE2e, readE2e } from "../../../train/data/e2e.ts";
import { groupByContext } from "../../../train/data/text_example.ts";
import { shared, sharedTest } from "../../support/shared.ts";

Deno.test("parseCsv() reads quoted commas, quotation marks and line breaks", () => {
  const text = '\uFEFFa,"b, ""b"""\r\n\r\n"c\r\nd",\ne,f';
  assertEquals(parseCsv(text, "x.csv"), [
    { fields: ["a", 'b, "b"'], line: 1 },
    { fields: ["c\r\nd", ""], line: 3 },
    { fields: ["e", "f"], line: 5 },
  ]);
  assertEquals(parseCsv("", "x.csv"), []);
  assertEquals(parseCsv('a,""', "x.csv"), [{ fields: ["a", ""], line: 1 }]);
  assertEquals(parseCsv("a,", "x.csv"), [{ fields: ["a", ""], line: 1 }]);
});

Deno.test("parseCsv() names the line of a malformed field", () => {
  const cases: [string, string][] = [
    ['a\n"b', "x.csv:2: Cannot read quoted field as a closing quotation mark is required"],
    [
      'a\n"b"c\n',
      'x.csv:2: Cannot read field as a comma or line end is required after it: found "c"',
    ],
    ['"\n"\nb"c"\n', "x.csv:3: Cannot read field as a comma or line end"],
    ["a\rb", "x.csv:1: Cannot read field as a comma or line end"],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => parseCsv(text, "x.csv"), FileError, message);
  }
});

Deno.test("parseCsv() gives back any fields that were quoted", () => {
  const rows = fc.array(fc.array(fc.string({ unit: "binary" }), { minLength: 2, maxLength: 4 }));
  const quote = (field: string) => `"${field.replaceAll('"', '""')}"`;
  fc.assert(fc.property(rows, fc.constantFrom("\n", "\r\n"), (records, end) => {
    const text = records.map((fields) => fields.map(quote).join(",") + end).join("");
    assertEquals(parseCsv(text, "x.csv").map(({ fields }) => fields), records);
  }));
});

Deno.test("linearise() renames slots and keeps their order and values", () => {
  assertEquals(
    linearise("name[The Eagle], eatType[pub], priceRange[£20-25], familyFriendly[yes], near[A, B]"),
    "name : The Eagle | Type : pub | price : £20-25 | family friendly : yes | near : A, B",
  );
});

Deno.test("linearise() refuses text that is no list of slots", () => {
  for (
    const mr of ["", "name", "name[x", "name[], area[y]", "name[x] area[y]", "name[x],", "[x]"]
  ) {
    assertThrows(() => linearise(mr), OptionError, "a list of slot[value] is required: found");
  }
});

Deno.test("parseE2e() reads both kinds of header", () => {
  assertEquals(parseE2e('"mr","ref"\r\n"name[A], area[b]","See A, now."\r\n', "x.csv"), [
    { mr: "name[A], area[b]", context: "name : A | area : b", reference: "See A, now.", index: 0 },
  ]);
  assertEquals(parseE2e("MR\nname[A]\n", "x.csv"), [
    { mr: "name[A]", context: "name : A", reference: undefined, index: 0 },
  ]);
});

Deno.test("parseE2e() names the file, the line and what it found", () => {
  const cases: [string, string][] = [
    ["mr,text\n", 'x.csv:1: Cannot read header as "mr,ref" is required: found "mr,text"'],
    ["", 'x.csv:1: Cannot read header as "mr,ref" is required: found ""'],
    ["mr,ref\n", "x.csv: Cannot read E2E as at least 1 row is required: found 0"],
    ["mr,ref\nname[A]\n", "x.csv:2: Cannot read row as the header requires 2 columns: found 1"],
    ['mr,ref\nname[A],"x\ny"\narea,z\n', "x.csv:4: Cannot read meaning representation as a list"],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => parseE2e(text, "x.csv"), FileError, message);
  }
});

Deno.test("groupByContext() gathers the references of an input in the order of the file", () => {
  const examples = parseE2e("mr,ref\nname[A],1\nname[B],2\nname[A],3\nname[A],1\n", "x.csv");
  // Texts that are equal are two: metrics that take means of references count both.
  assertEquals(groupByContext(examples), [
    { context: "name : A", references: ["1", "3", "1"] },
    { context: "name : B", references: ["2"] },
  ]);
  assertEquals(groupByContext(parseE2e("MR\nname[A]\n", "x.csv"))[0]?.references, []);
});

Deno.test("readE2e() falls back to the test file without references", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await assertRejects(() => readE2e(directory, "test"), FileError, "testset.csv");
    await Deno.writeTextFile(`${directory}/testset.csv`, "MR\nname[A]\n");
    assertEquals((await readE2e(directory, "test"))[0]?.reference, undefined);
    await Deno.writeTextFile(`${directory}/testset_w_refs.csv`, "mr,ref\nname[A],x\n");
    assertEquals((await readE2e(directory, "test"))[0]?.reference, "x");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

sharedTest("readE2e() reads the official numbers of rows and inputs", async () => {
  const sizes = async (split: "train" | "dev" | "test") => {
    const examples = await readE2e(shared("data/e2e"), split);
    assert(examples.every(({ reference }) => reference !== undefined && reference.trim() !== ""));
    return [examples.length, groupByContext(examples).length];
  };
  assertEquals(await sizes("train"), [42061, 4862]);
  assertEquals(await sizes("dev"), [4672, 547]);
  assertEquals(await sizes("test"), [4693, 630]);
});

sharedTest("linearise() writes the contexts of the LoRA recipe, spacing aside", async () => {
  for (const [split, file] of [["dev", "valid"], ["test", "test"]] as const) {
    const examples = await readE2e(shared("data/e2e"), split);
    const recipe = await Deno.readTextFile(shared(`data/e2e/lora_format/${file}.txt`));
    const solid = (text: string) => text.replaceAll(" ", "");
    assertEquals(
      examples.map(({ context }) => solid(context)),
      recipe.trimEnd().split("\n").map((line) => solid(line.split("||")[0] ?? "")),
    );
  }
});
