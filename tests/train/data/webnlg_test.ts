import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError, OptionError } from "../../../core/errors.ts";
import { groupByContext } from "../../../train/data/text_example.ts";
import {
  lineariseTriples,
  parseWebnlg,
  readWebnlg,
  webnlg,
  webnlgFiles,
} from "../../../train/data/webnlg.ts";
import { presetFor } from "../../../train/config/presets.ts";
import { scoreOutputs } from "../../../train/tasks/generation.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const xml = `<?xml version="1.0" encoding="UTF-8"?>
<benchmark>
  <entries>
    <!-- two sets of original triples -->
    <entry category="Food" eid="Id1" size="2">
      <originaltripleset><otriple>A | b | C</otriple></originaltripleset>
      <originaltripleset><otriple>A | c | C</otriple></originaltripleset>
      <modifiedtripleset>
        <mtriple>Fish_&amp;_Chips | origin | "Hill, The"</mtriple>
        <mtriple>Hill | part of : | Isle</mtriple>
      </modifiedtripleset>
      <lex comment="good" lid="Id1"> Fish &amp; chips come from
 the hill. </lex>
      <lex comment="toFix" lid="Id2">fish</lex>
      <lex comment="good" lid="Id3">The hill's fish.</lex>
    </entry>
    <entry category="Artist" eid="Id2" size="1">
      <modifiedtripleset><mtriple>Ann | plays | Lute</mtriple></modifiedtripleset>
    </entry>
  </entries>
</benchmark>
`;

const context = 'Fish_&_Chips : origin : "Hill, The" | Hill : part of : : Isle';
const artist = { context: "Ann : plays : Lute", category: "Artist", part: "unseen" };
const examples = [
  {
    context,
    reference: "Fish & chips come from\n the hill.",
    category: "Food",
    part: "seen",
    index: 0,
  },
  { context, reference: "The hill's fish.", category: "Food", part: "seen", index: 1 },
  { ...artist, reference: undefined, index: 2 },
];

const json = {
  entries: [
    {
      "1": {
        category: "Food",
        modifiedtripleset: [
          { subject: "Fish_&_Chips", property: "origin", object: '"Hill, The"' },
          { subject: "Hill", property: "part of :", object: "Isle" },
        ],
        lexicalisations: [
          { comment: "good", lex: "Fish & chips come from\n the hill.", xml_id: "Id1", lang: "" },
          { comment: "toFix", lex: "fish" },
          { comment: "good", lex: "The hill's fish." },
        ],
        size: "2",
      },
    },
    {
      "2": {
        category: "Artist",
        modifiedtripleset: [{ subject: "Ann", property: "plays", object: "Lute" }],
        lexicalisations: [],
      },
    },
  ],
};

Deno.test("parseWebnlg() calls the ten categories of the training data seen, the five others not", () => {
  // Table 3 of the challenge's report, https://aclanthology.org/W17-3518.
  const seen = "Airport Astronaut Building City ComicsCharacter Food Monument SportsTeam " +
    "University WrittenWork";
  const unseen = "Artist Athlete CelestialBody MeanOfTransportation Politician";
  const partsOf = (names: string) =>
    names.split(" ").map((name) => {
      const [{ category, part } = {}] = parseWebnlg(xml.replaceAll('"Food"', `"${name}"`), "a.xml");
      assertEquals(category, name);
      return part;
    });
  assertEquals(partsOf(seen), new Array(10).fill("seen"));
  assertEquals(partsOf(unseen), new Array(5).fill("unseen"));
});

Deno.test("parseWebnlg() reads good texts of XML and of JSON alike", () => {
  assertEquals(parseWebnlg(xml, "x.xml"), examples);
  assertEquals(parseWebnlg(JSON.stringify(json), "x.json"), examples);
  assertEquals(parseWebnlg(xml.replaceAll("\n", "\r\n"), "x.xml"), examples);
});

Deno.test("parseWebnlg() reads all texts on request, and none of an entry without a good one", () => {
  const texts = (source: string, which: "good" | "all") =>
    parseWebnlg(source, "x.xml", which).map(({ reference }) => reference);
  assertEquals(texts(xml, "all")[1], "fish");
  assertEquals(texts(xml.replaceAll("good", "toFix"), "good"), [undefined]);
});

Deno.test("parseWebnlg() names file and line, or entry, of a fault", () => {
  const changed = (from: string, to: string) => xml.replace(from, to);
  const entry = (fields: unknown) =>
    JSON.stringify({ entries: [...json.entries, { "3": fields }] });
  const rest = {
    category: "Food",
    modifiedtripleset: [{ subject: "a", property: "b", object: "c" }],
  };
  const cases: [text: string, message: string][] = [
    [
      changed("</lex>", "</text>"),
      "x:13: Cannot parse file as it requires valid XML: found missing end tag",
    ],
    [changed("&amp;", "&"), "x:9: Cannot parse file as it requires valid XML"],
    [
      changed(' category="Food"', ""),
      "x:5: Cannot read entry as a category is required: found none",
    ],
    [
      changed("A | b | C", "A").replace("Hill | part of : | Isle", "Hill | Isle"),
      'x:10: Cannot read mtriple as "subject | property | object" is required: found "Hill | Isle"',
    ],
    [changed("| Lute", "| "), "x:18: Cannot read mtriple as"],
    [changed("Ann | plays | Lute", "Ann | plays | Lute | x"), "x:18: Cannot read mtriple as"],
    [
      changed("<mtriple>Ann | plays | Lute</mtriple>", ""),
      "x:18: Cannot read modifiedtripleset as at least 1 mtriple is required: found 0",
    ],
    [
      xml.replaceAll("modifiedtripleset", "tripleset"),
      "x:5: Cannot read entry as 1 modifiedtripleset is required: found 0",
    ],
    [changed("The hill's fish.", " "), "x:15: Cannot read lex as a text is required: found none"],
    ["<benchmark/>", "x: Cannot read WebNLG as at least 1 entry is required: found 0"],
    ["", "x:1: Cannot parse file as it requires valid XML"],
    [
      '{"entries": [1,\n}',
      'x:2: Cannot parse file as it requires valid JSON: found unexpected "}"',
    ],
    ['{"entry": []}', 'x: Cannot read WebNLG as a list "entries" is required'],
    ['{"entries": []}', "x: Cannot read WebNLG as at least 1 entry is required: found 0"],
    ['{"entries": [1]}', "x: Cannot read entry 1 as an object in an object is required"],
    [entry({}), "x: Cannot read entry 3 as a category is required"],
    [entry({ category: "Food" }), "x: Cannot read entry 3 as a modifiedtripleset is required"],
    [entry(rest), "x: Cannot read entry 3 as a list of lexicalisations is required"],
    [
      entry({ ...rest, modifiedtripleset: [{ subject: "a", object: "c" }], lexicalisations: [] }),
      "x: Cannot read entry 3 as subject, property and object of each triple are required",
    ],
    [
      entry({ ...rest, lexicalisations: [{ comment: "good" }] }),
      "x: Cannot read entry 3 as a text lex is required",
    ],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => parseWebnlg(text, "x"), FileError, message);
  }
});

Deno.test("parseWebnlg() gives back any triples and text that XML holds", () => {
  const word = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) =>
    text === text.trim() && !/[|\p{Cc}\uFFFE\uFFFF]/u.test(text)
  );
  const escaped = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  fc.assert(fc.property(word, word, word, word, (subject, property, object, text) => {
    const source = `<benchmark><entries><entry category="City"><modifiedtripleset><mtriple>${
      escaped([subject, property, object].join(" | "))
    }</mtriple></modifiedtripleset><lex comment="good">${
      escaped(text)
    }</lex></entry></entries></benchmark>`;
    const [example] = parseWebnlg(source, "x.xml");
    assertEquals(example?.context, lineariseTriples([[subject, property, object]]));
    assertEquals(example?.reference, text);
  }));
});

Deno.test("readWebnlg() reads the JSON file of a split, else XML files in the order of their paths", async () => {
  const folder = await Deno.makeTempDir();
  const fails = (split: "train" | "test", message: string) =>
    assertRejects(() => readWebnlg(folder, split), FileError, message);
  try {
    await fails("train", "Cannot read split train as train.json or a folder train of XML files");
    await fails("test", "test/testdata_with_lex.xml");
    for (const part of ["train/2triples", "train/1triples", "test"]) {
      await Deno.mkdir(`${folder}/${part}`, { recursive: true });
    }
    await fails("train", "Cannot read split train as train.json or a folder");
    const good = xml.replace("Ann", "Bea");
    await Deno.writeTextFile(`${folder}/train/2triples/a.xml`, xml);
    await Deno.writeTextFile(`${folder}/train/1triples/b.xml`, good);
    await Deno.writeTextFile(`${folder}/train/notes.txt`, "");
    const read = await readWebnlg(folder, "train");
    assertEquals(read.map(({ index }) => index), [0, 1, 2, 3, 4, 5]);
    assertEquals(read.map((example) => example.context.slice(0, 3)), [
      "Fis",
      "Fis",
      "Bea",
      "Fis",
      "Fis",
      "Ann",
    ]);
    await Deno.writeTextFile(`${folder}/train.json`, JSON.stringify(json));
    assertEquals(await webnlgFiles(folder, "train"), [`${folder}/train.json`]);
    assertEquals(await readWebnlg(folder, "train"), examples);
    await Deno.writeTextFile(`${folder}/test/testdata_with_lex.xml`, xml);
    assertEquals((await readWebnlg(folder, "test", "all")).length, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("groupByContext() keeps the part of an input, and scoreOutputs() scores parts apart", () => {
  const groups = groupByContext([
    { context: "a", reference: "one two three four five", index: 0, part: "seen" },
    { context: "b", reference: "six seven eight nine ten", index: 1, part: "unseen" },
    { context: "a", reference: "one", index: 2, part: "seen" },
  ]);
  assertEquals(groups.map(({ part }) => part), ["seen", "unseen"]);
  const outputs = ["One two three four five", "no match here at all"];
  const figures = scoreOutputs(outputs, groups);
  assertEquals(Object.keys(figures), ["bleu", "bleu_seen", "bleu_unseen"]);
  assert(Math.abs(figures["bleu_seen"]! - 100) < 1e-9);
  assertEquals(figures["bleu_unseen"], 0);
  assertEquals(Object.keys(scoreOutputs(["x"], [{ context: "a", references: ["x"] }])), ["bleu"]);
});

Deno.test("presetFor() has the paper's recipe for WebNLG, and that of the LoRA repository", () => {
  const paper = presetFor("paper", "webnlg");
  assertEquals([paper.lr, paper.epochs, paper.batch, paper.warmup], [2e-4, 5, 8, 500]);
  assertEquals([paper.weightDecay, paper.smoothing, paper.rank, paper.alpha], [0.01, 0.1, 4, 32]);
  assertEquals([paper.method, paper.rate, paper.clip], [undefined, undefined, undefined]);
  for (const task of ["e2e", "webnlg"] as const) {
    const lora = presetFor("lora", task);
    assertEquals([lora.method, lora.rate, lora.clip, lora.epsilon], ["lora-dropout", 0.1, 0, 1e-6]);
    assertEquals([lora.lr, lora.rank, lora.maxLength], [2e-4, 4, 512]);
  }
  assertThrows(
    () => presetFor("lora", "rte"),
    OptionError,
    "Cannot use preset lora for rte as it has settings for e2e, webnlg",
  );
});

sharedTest("readWebnlg() reads the official numbers of entries, texts and categories", async () => {
  const folder = shared("data/webnlg/webnlg_challenge_2017");
  const sizes = async (split: "train" | "dev" | "test", texts: "good" | "all") => {
    const read = await readWebnlg(folder, split, texts);
    assert(read.every(({ reference }) => reference !== undefined));
    return [read.length, groupByContext(read).length];
  };
  assertEquals(await sizes("dev", "good"), [2258, 870]);
  assertEquals((await sizes("dev", "all"))[0], 2268);
  const test = groupByContext(await readWebnlg(folder, "test"));
  const table = (await Deno.readTextFile(shared("data/webnlg/test_split.tsv"))).trimEnd().split(
    "\n",
  );
  const expected = table.slice(1).map((line) => line.split("\t"));
  assertEquals(
    test.map(({ references, part }) => [`${references.length}`, part]),
    expected.map(([, , , , texts, part]) => [texts, part]),
  );
  assertEquals(test.filter(({ part }) => part === "seen").length, 971);
  assertEquals(test.length, 1862);
});

Deno.test("parseWebnlg() refuses elements that are nested without end", () => {
  const text = `<benchmark>${"<a>".repeat(100_000)}`;
  assertThrows(() => parseWebnlg(text, "x.xml"), FileError, "found too many levels");
});

Deno.test("triples are read as they are published, one a line", () => {
  const text = "Oslo | country | Norway\nOslo | river | Akerselva";
  assertEquals(webnlg.contextOf(text), "Oslo : country : Norway | Oslo : river : Akerselva");
  for (const wrong of ["Oslo | Norway", "a | b | c | d", "a |  | c", "a | b | c\n"]) {
    assertThrows(
      () => webnlg.contextOf(wrong),
      OptionError,
      "subject | property | object is required",
    );
  }
});
