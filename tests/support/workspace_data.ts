/** GLUE, E2E and WebNLG files of a workspace, in the published layouts with words of our own. */

import type { Example } from "../../train/data/example.ts";
import { grammarDataset } from "../../train/data/grammar.ts";

const { train, dev } = grammarDataset({ train: 32, dev: 16, seed: 7, noise: 0 });

interface Layout {
  readonly header?: readonly string[];
  readonly testHeader: readonly string[];
  row(example: Example): readonly (string | number)[];
  testRow(example: Example): readonly (string | number)[];
  readonly end?: string;
  readonly start?: string;
}

const second = ({ textB = "" }: Example) => textB;

/** Share of the hypothesis' words that the premise has, from 0 to 5. */
function overlap({ textA, textB = "" }: Example): string {
  const words = textB.split(" ");
  const common = words.filter((word) => textA.split(" ").includes(word)).length;
  return (5 * common / words.length).toFixed(3);
}

const layouts: Record<"rte" | "cola" | "stsb" | "mrpc" | "sst2", Layout> = {
  rte: {
    header: ["index", "sentence1", "sentence2", "label"],
    testHeader: ["index", "sentence1", "sentence2"],
    row: (e) => [e.index, e.textA, second(e), e.label === 0 ? "entailment" : "not_entailment"],
    testRow: (e) => [e.index, e.textA, second(e)],
  },
  cola: {
    testHeader: ["index", "sentence"],
    row: (e) => ["own", e.label ?? 0, e.label === 0 ? "*" : "", second(e)],
    testRow: (e) => [e.index, second(e)],
  },
  stsb: {
    header: ["index", "genre", "filename", "sentence1", "sentence2", "score"],
    testHeader: ["index", "genre", "filename", "sentence1", "sentence2"],
    row: (e) => [e.index, "own", "none", e.textA, second(e), overlap(e)],
    testRow: (e) => [e.index, "own", "none", e.textA, second(e)],
  },
  mrpc: {
    header: ["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
    testHeader: ["index", "#1 ID", "#2 ID", "#1 String", "#2 String"],
    row: (e) => [1 - (e.label ?? 0), 100 + e.index, 200 + e.index, e.textA, second(e)],
    testRow: (e) => [e.index, 100 + e.index, 200 + e.index, e.textA, second(e)],
    start: "\uFEFF",
    end: "\r\n",
  },
  sst2: {
    header: ["sentence", "label"],
    testHeader: ["index", "sentence"],
    row: (e) => [`${second(e)} `, e.label ?? 0],
    testRow: (e) => [e.index, second(e)],
  },
};

/** Writes train.tsv (32 rows), dev.tsv (16) and test.tsv (16) of five tasks. */
export async function writeGlue(root: string): Promise<void> {
  for (const [task, layout] of Object.entries(layouts)) {
    const { header, testHeader, start = "", end = "\n" } = layout;
    const text = (rows: readonly (readonly (string | number)[])[]) =>
      start + rows.map((cells) => cells.join("\t") + end).join("");
    const labelled = (examples: readonly Example[]) =>
      text([...(header === undefined ? [] : [header]), ...examples.map((e) => layout.row(e))]);
    const folder = `${root}/${task}`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/train.tsv`, labelled(train));
    await Deno.writeTextFile(`${folder}/dev.tsv`, labelled(dev));
    const test = text([testHeader, ...dev.map((e) => layout.testRow(e))]);
    await Deno.writeTextFile(`${folder}/test.tsv`, test);
  }
}

const names = "Mole,Otter,Heron,Badger".split(",");
const kinds = "pub,cafe,bistro".split(",");
const areas = "harbour,hill".split(",");

/** Words that occur in references and contexts; the tokenizers have a token for each. */
export const e2eWords: readonly string[] = [
  ...names,
  ...kinds,
  ...areas,
  ..."The is a near the and cheap dear : | Type area price yes no family friendly".split(" "),
];

interface Place {
  readonly name: string;
  readonly kind: string;
  readonly price: string;
  readonly area: string;
  readonly texts: readonly string[];
}

/** All 24 places with two texts each; every fourth text has a line break. */
function places(): Place[] {
  return names.flatMap((name, i) =>
    kinds.flatMap((kind, j) =>
      areas.map((area, k): Place => {
        const price = (i + j + k) % 2 === 0 ? "cheap" : "dear";
        const broken = (i + j + k) % 4 === 0 ? "\n" : " ";
        const texts = [
          `The ${name} is a ${price} ${kind} near the ${area}`,
          `The ${kind} The ${name} is ${price}${broken}and near the ${area}`,
        ];
        return { name, kind, price, area, texts };
      })
    )
  );
}

/** Inputs of the development file of E2E, and of WebNLG, of which each has two references. */
export const e2eInputs = 8;

/** Writes trainset.csv (32 rows), devset.csv (16) and testset.csv (8 inputs). */
export async function writeE2e(folder: string): Promise<void> {
  const quote = (text: string) => `"${text}"`;
  const rows = places();
  const mr = ({ name, kind, price, area }: Place) =>
    quote(`name[The ${name}], eatType[${kind}], priceRange[${price}], area[${area}]`);
  const text = (part: typeof rows) =>
    "mr,ref\r\n" +
    part.flatMap((place) => place.texts.map((text) => `${mr(place)},${quote(text)}\r\n`)).join("");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/trainset.csv`, text(rows.slice(e2eInputs)));
  await Deno.writeTextFile(`${folder}/devset.csv`, text(rows.slice(0, e2eInputs)));
  const inputs = rows.slice(0, e2eInputs).map((place) => `${mr(place)}\r\n`);
  // An input that occurs twice is continued once.
  await Deno.writeTextFile(`${folder}/testset.csv`, ["MR\r\n", ...inputs, inputs[0]].join(""));
}

/** Writes the folders of the WebNLG challenge, of as many texts; half of the test is unseen. */
export async function writeWebnlg(folder: string): Promise<void> {
  const rows = places();
  const entry = (place: Place, category: string, texts: readonly string[]) => {
    const { name, kind, price, area } = place;
    const triples = [
      `${name} | Type | ${kind}`,
      `${name} | price | ${price}`,
      `${name} | area | ${area}`,
    ]
      .map((triple) => `<mtriple>${triple}</mtriple>`).join("");
    const lexicalisations = texts.map((text) => `<lex comment="good" lid="Id1">${text}</lex>\n`);
    return `<entry category="${category}" eid="Id1" size="3">
      <originaltripleset><otriple>a | b | c</otriple></originaltripleset>
      <modifiedtripleset>${triples}</modifiedtripleset>\n${lexicalisations.join("")}</entry>\n`;
  };
  const write = async (path: string, part: readonly Place[], withTexts = true, unseen = 0) => {
    const entries = part.map((place, i) =>
      entry(place, i < unseen ? "Artist" : "Food", withTexts ? place.texts : [])
    );
    const file = `${folder}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, `<benchmark><entries>${entries.join("")}</entries></benchmark>`);
  };
  const dev = rows.slice(0, e2eInputs);
  await write("train/3triples/first.xml", rows.slice(e2eInputs, 2 * e2eInputs));
  await write("train/3triples/second.xml", rows.slice(2 * e2eInputs));
  await write("dev/3triples/only.xml", dev);
  await write("test/testdata_with_lex.xml", dev, true, e2eInputs / 2);
  await write("test/testdata_no_lex.xml", [...dev, dev[0]!], false);
}
