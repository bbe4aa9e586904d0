import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { readPredictions } from "../../../train/data/predictions.ts";
import { readReferences } from "../../../train/data/references.ts";

type Files = Readonly<Record<string, string>>;

/** Runs a test beside files of the given contents. */
async function withFiles(files: Files, test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function references(files: Files): Promise<(readonly string[])[]> {
  let read: (readonly string[])[] = [];
  await withFiles(files, async (folder) => {
    const segments = await readReferences(`${folder}/${Object.keys(files)[0]}`);
    read = segments.map((segment) => segment.references);
  });
  return read;
}

/** Reads the second file beside the references in the first. */
async function predictions(files: Files): Promise<string[]> {
  let read: string[] = [];
  await withFiles(files, async (folder) => {
    const [ref, out] = Object.keys(files).map((name) => `${folder}/${name}`);
    read = await readPredictions(out!, await readReferences(ref!), ref!);
  });
  return read;
}

Deno.test("readReferences() reads every format", async () => {
  const texts = [["a b", "a c"], ["d"]];
  const csv = 'mr,ref\r\nname[A],a b\r\nname[B],d\r\nname[A],"a c"\r\n';
  assertEquals(await references({ "refs.csv": csv }), texts);
  assertEquals(await references({ refs: csv }), texts);
  assertEquals(await references({ "refs.txt": "a b\na c\n\nd\n" }), texts);
  assertEquals(await references({ "refs.txt": "a b\r\na c \r\n\r\nd\r\n\r\n" }), texts);
  assertEquals(await references({ "x-3ref.meteor": "a b\na c\n\nd\n\n\n" }), texts);
  assertEquals(await references({ "x.meteor": "a b\na c\n\nd\n\n\n" }), texts);
  assertEquals(await references({ "x-2ref.meteor": "a b\na c\nd\n\n" }), texts);
  assertEquals(await references({ "x.ter": "a b (id1)\na c (id1)\nd (id2)\n" }), texts);
  const parallel = { "x0.lex": "a b\nd\n", "x1.lex": "a c\n\n", "x3.lex": "no\nno\n" };
  assertEquals(await references(parallel), texts);
});

Deno.test("readReferences() takes inputs that a model reads alike for one, and keeps texts that are equal", async () => {
  const csv = 'mr,ref\n"name[A], near[B]",a b\n"name[A],near[B]",a c\nname[A],d\n' +
    '"name[A],  near[B]",a b\n';
  assertEquals(await references({ "refs.csv": csv }), [["a b", "a c", "a b"], ["d"]]);
});

const entry = (category: string, triple: string, ...texts: string[]) =>
  `<entry category="${category}"><modifiedtripleset><mtriple>${triple}</mtriple>` +
  `</modifiedtripleset>${
    texts.map((text) => `<lex comment="good">${text}</lex>`).join("")
  }</entry>`;
const corpus = (...entries: string[]) =>
  `<benchmark><entries>${entries.join("")}</entries></benchmark>`;

Deno.test("readReferences() reads WebNLG's corpus with its parts", async () => {
  const text = corpus(
    entry("Food", "A | b | C", "one", "two"),
    entry("Artist", "D | e | F", "three"),
  );
  await withFiles({ "test.xml": text }, async (folder) => {
    assertEquals(await readReferences(`${folder}/test.xml`), [
      { input: "A : b : C", references: ["one", "two"], part: "seen" },
      { input: "D : e : F", references: ["three"], part: "unseen" },
    ]);
  });
});

Deno.test("readReferences() takes a file without empty lines for one text an input", async () => {
  assertEquals(await references({ "refs.txt": "a b\nd\n" }), [["a b"], ["d"]]);
  assertEquals(await references({ "refs.lex": "a b\nd" }), [["a b"], ["d"]]);
});

Deno.test("readReferences() names the line that lacks a text", async () => {
  const cases: [Files, string][] = [
    [{ "refs.txt": "" }, "refs.txt:1: Cannot read references as every segment requires a text"],
    [{ "refs.txt": "a\n\n\nb\n" }, "refs.txt:3: "],
    [{ "refs.csv": 'mr,ref\nname[A],"a\nb"\nname[A], \n' }, "refs.csv:4: "],
    [{ "refs.csv": "MR\nname[A]\n" }, "refs.csv:2: Cannot read references as every row requires"],
    [{ "x.xml": corpus(entry("Food", "A | b | C")) }, "x.xml: Cannot read references as every"],
    [{ "x.xml": corpus(entry("Food", "A | b | C")) }, 'found none for "A : b : C"'],
    [{ "x0.lex": "a\n\n", "x1.lex": "b\n\n" }, "x0.lex:2: "],
    [{ "x0.lex": "a\nb\n", "x1.lex": "c\n" }, "x1.lex:2: Cannot read references as 2 lines"],
    [{ "x0.lex": "a\n", "x1.lex": "c\n\n" }, "x1.lex:2: Cannot read references as 1 lines"],
    [{ "x-3ref.meteor": "a\n\n\n\n\n\n" }, "x-3ref.meteor:4: "],
    [{ "x-3ref.meteor": "a\nb\n" }, "x-3ref.meteor:2: Cannot read references as 3 lines a segment"],
    [{ "x.ter": "a (id1)\nb\n" }, "x.ter:2: Cannot read references as text and (identifier)"],
    [{ "x.ter": "a (id1)\n(id2)\n" }, "x.ter:2: "],
  ];
  for (const [files, message] of cases) {
    await assertRejects(() => references(files), FileError, message);
  }
});

const csv = "mr,ref\nname[A],a\nname[A],b\nname[B],c\n";

Deno.test("readPredictions() reads lines in the order of the distinct inputs", async () => {
  assertEquals(await predictions({ "refs.csv": csv, "out.txt": "x y\nz\n" }), ["x y", "z"]);
  assertEquals(await predictions({ "refs.csv": csv, "out.txt": "\r\n z" }), ["", "z"]);
});

Deno.test("readPredictions() pairs the rows of the challenge's table by input", async () => {
  const tables = [
    'MR\toutput\n"name[B]"\t"z ""q"""\n"name[A]"\tx "y"\n',
    'name[B]\tz "q"\r\r\n\r\r\nname[A]\tx "y"\r\r\n',
  ];
  for (const table of tables) {
    assertEquals(await predictions({ "refs.csv": csv, "out.tsv": table }), ['x "y"', 'z "q"']);
  }
  const comma = 'MR,output\nname[B],"z, q"\nname[A],x\n';
  assertEquals(await predictions({ "refs.csv": csv, "out.csv": comma }), ["x", "z, q"]);
});

Deno.test("readPredictions() takes a table in its order where references name no input", async () => {
  const table = "MR\toutput\nname[B]\tx\nname[A]\tz\n";
  assertEquals(await predictions({ refs: "a\n\nb\n", out: table }), ["x", "z"]);
});

Deno.test("readPredictions() repairs what e2e-metrics repairs in tables", async () => {
  const table = "MR\toutput\nname[A]\tÂ£20 at CafÃ© X\nname[B]\tŁ5\n";
  assertEquals(await predictions({ "refs.csv": csv, "out.tsv": table }), ["£20 at Café X", "£5"]);
});

Deno.test("readPredictions() names the line that has no partner", async () => {
  const cases: [Files, string][] = [
    [{ "out.txt": "x\n" }, "out.txt:2: Cannot pair outputs as one for each of 2 segments"],
    [{ "out.txt": "x\ny\nz\n" }, "out.txt:3: "],
    [{ "out.tsv": "name[A]\tx\nname[C]\ty\n" }, "out.tsv:2: Cannot pair output as its input"],
    [{ "out.tsv": "name[A]\tx\nname[A]\ty\n" }, 'found "name[A]" in line 1 too'],
    [{ "out.tsv": "MR\toutput\nname[A]\tx\n" }, "refs.csv:4: Cannot pair references as an output"],
    [
      { "out.tsv": "MR\toutput\nname[A]\n" },
      "out.tsv:2: Cannot read row as an input and an output",
    ],
    [{ "out.tsv": 'MR\toutput\nname[A]\t"x\n' }, "out.tsv:2: Cannot read quoted field"],
  ];
  for (const [files, message] of cases) {
    await assertRejects(() => predictions({ "refs.csv": csv, ...files }), FileError, message);
  }
  const table = "MR\toutput\na\tx\nb\ty\n\nc\tz\n";
  const extra = () => predictions({ refs: "a\n\nb\n", "out.tsv": table });
  await assertRejects(extra, FileError, "out.tsv:5: Cannot pair outputs as one for each of 2");
});
