/** GLUE and E2E files of a workspace, in the published layouts with words of our own. */

import type { Example } from "../train/data/example.ts";
import { grammarDataset } from "../train/data/grammar.ts";

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

/** All 24 inputs with two references each; every fourth reference has a line break. */
function e2eRows(): [mr: string, references: string[]][] {
  return names.flatMap((name, i) =>
    kinds.flatMap((kind, j) =>
      areas.map((area, k): [string, string[]] => {
        const price = (i + j + k) % 2 === 0 ? "cheap" : "dear";
        const broken = (i + j + k) % 4 === 0 ? "\n" : " ";
        return [`name[The ${name}], eatType[${kind}], priceRange[${price}], area[${area}]`, [
          `The ${name} is a ${price} ${kind} near the ${area}`,
          `The ${kind} The ${name} is ${price}${broken}and near the ${area}`,
        ]];
      })
    )
  );
}

/** Inputs of the development file, of which each has two references. */
export const e2eInputs = 8;

/** Writes trainset.csv (32 rows), devset.csv (16) and testset.csv (8 inputs). */
export async function writeE2e(folder: string): Promise<void> {
  const quote = (text: string) => `"${text}"`;
  const rows = e2eRows();
  const text = (part: typeof rows) =>
    "mr,ref\r\n" +
    part.flatMap(([mr, references]) =>
      references.map((reference) => `${quote(mr)},${quote(reference)}\r\n`)
    ).join("");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/trainset.csv`, text(rows.slice(e2eInputs)));
  await Deno.writeTextFile(`${folder}/devset.csv`, text(rows.slice(0, e2eInputs)));
  const inputs = rows.slice(0, e2eInputs).map(([mr]) => `${quote(mr)}\r\n`);
  // An input that occurs twice is continued once.
  await Deno.writeTextFile(`${folder}/testset.csv`, ["MR\r\n", ...inputs, inputs[0]].join(""));
}
