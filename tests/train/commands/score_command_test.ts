import { assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CommandResult, task } from "../../support/cli.ts";
import { shared, sharedTest } from "../../support/shared.ts";

/** Runs `deno task score`, with the permissions of the task. */
const run = (...args: readonly string[]): Promise<CommandResult> => task("score", ...args);

const folder = await Deno.makeTempDir();
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await Deno.writeTextFile(`${folder}/${name}`, text);
  return `${folder}/${name}`;
}

const references = await file(
  "refs.csv",
  "mr,ref\nname[Aromi],Aromi is a cheap pub.\nname[Aromi],The Aromi is cheap.\n" +
    "name[Clowns],Clowns serves French food.\n",
);
const outputs = await file("out.txt", "Aromi is a cheap pub.\nClowns serves French food.\n");
const files = ["--references", references, "--predictions", outputs];

Deno.test("deno task score prints a table", async () => {
  const { code, out, err } = await run("--task", "e2e", ...files);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^2 outputs, convention: challenge\n\nBLEU +1\.0000\nNIST +\d\.\d{4}\n/);
  assertMatch(out, /\nMETEOR +1\.0000 {2}exact, stem\nROUGE_L +1\.0000\nCIDEr +\d\.\d{4}\n$/);
});

Deno.test("deno task score --json prints the metrics by their official names", async () => {
  const lists = await file("refs.lex", "Aromi is a cheap pub.\nClowns serves French food.\n");
  const data = ["--references", lists, "--predictions", outputs];
  const { code, out } = await run("--task", "webnlg", ...data, "--convention", "paper", "--json");
  assertEquals(code, 0);
  const { METEOR_modules, ...figures } = JSON.parse(out);
  assertEquals(METEOR_modules, ["exact", "stem"]);
  const names = ["BLEU", "NIST", "METEOR", "ROUGE_L", "CIDEr", "TER", "chrF"];
  assertEquals(Object.keys(figures), ["convention", "segments", ...names]);
  assertEquals([figures.convention, figures.segments, figures.chrF], ["paper", 2, 1]);
});

Deno.test("deno task score --meteor-resources lets METEOR compare synonyms", async () => {
  const resources = `${folder}/resources`;
  for (const name of ["function", "nonbreaking", "synonym"]) {
    await Deno.mkdir(`${resources}/${name}`, { recursive: true });
  }
  await file("resources/function/english.words", "the\n");
  await file("resources/nonbreaking/english.prefixes", "");
  await file("resources/synonym/english.synsets", "cheap\n1\nlow-priced\n1\n");
  await file("resources/synonym/english.exceptions", "");
  const flags = ["--meteor-resources", resources, "--json"];
  const { out } = await run("--task", "e2e", ...files, ...flags);
  assertEquals(JSON.parse(out).METEOR_modules, ["exact", "stem", "synonym"]);
});

Deno.test("deno task score --part scores the outputs of one part", async () => {
  const entry = (category: string, text: string) =>
    `<entry category="${category}"><modifiedtripleset><mtriple>A | b | ${text}</mtriple>` +
    `</modifiedtripleset><lex comment="good">${text}</lex></entry>`;
  const entries = entry("Food", "A is a dish of Java") + entry("Artist", "A sings in a band");
  const xml = await file("x.xml", `<benchmark><entries>${entries}</entries></benchmark>`);
  const lines = await file("lines.txt", "A is a dish of Java\nB plays a lute\n");
  const data = ["--task", "webnlg", "--references", xml, "--predictions", lines, "--json"];
  const figures = async (...flags: string[]) => JSON.parse((await run(...data, ...flags)).out);
  const [seen, unseen] = [await figures("--part", "seen"), await figures("--part", "unseen")];
  assertEquals([seen.segments, unseen.segments, (await figures()).segments], [1, 1, 2]);
  assertEquals([seen.TER, unseen.TER > 0.5], [0, true]);
  // The second part has the second output, also where it is scored alone.
  await Deno.writeTextFile(lines, "B plays a lute\nA sings in a band\n");
  assertEquals((await figures("--part", "unseen")).TER, 0);
});

Deno.test("deno task score --help names every flag", async () => {
  const { code, out } = await run("--help");
  assertEquals(code, 0);
  for (
    const name of [
      "task",
      "references",
      "predictions",
      "convention",
      "part",
      "meteor-resources",
      "json",
    ]
  ) {
    assertStringIncludes(out, `  --${name}`);
  }
});

Deno.test("deno task score refuses bad input in one line that names file, line or flag", async () => {
  const short = await file("short.txt", "Aromi is a cheap pub.\n");
  const table = await file("other.tsv", "MR\toutput\nname[Aromi]\tx\nname[Zizzi]\ty\n");
  const gap = await file("gap.txt", "a\n\n\nb\n");
  const cases: [args: string[], says: string][] = [
    [["--task", "e2e", "--references", references], "--predictions"],
    [["--task", "rte", ...files], "e2e, webnlg"],
    [["--task", "e2e", ...files, "--convention", "mine"], "challenge, paper"],
    [["--task", "e2e", ...files, "more"], "the word more"],
    [["--task", "e2e", ...files, "--part", "seen"], "refs.csv has no such part"],
    [["--task", "e2e", "--references", references, "--predictions", short], "short.txt:2: "],
    [["--task", "e2e", "--references", references, "--predictions", table], "other.tsv:3: "],
    [["--task", "e2e", "--references", gap, "--predictions", outputs], "gap.txt:3: "],
    [["--task", "e2e", "--references", `${folder}/none`, "--predictions", outputs], "none: "],
    [["--task", "e2e", ...files, "--meteor-resources", folder], "function/english.words: "],
  ];
  await Promise.all(cases.map(async ([args, says]) => {
    const { code, out, err } = await run(...args);
    assertEquals([code, out], [1, ""], err);
    assertMatch(err, /^error: [^\n]+\n$/);
    assertStringIncludes(err, says);
  }));
});

sharedTest("deno task score gives the published figures of E2E's baseline", async () => {
  const { out } = await run(
    "--task",
    "e2e",
    "--references",
    shared("data/e2e/testset_w_refs.csv"),
    "--predictions",
    shared("oracles/e2e_challenge/tgen.tsv"),
    "--json",
  );
  const path = shared("oracles/e2e_challenge/expected.json");
  const { published_tgen } = JSON.parse(await Deno.readTextFile(path));
  const figures = JSON.parse(out);
  for (const name of ["BLEU", "NIST", "ROUGE_L", "CIDEr"]) {
    assertAlmostEquals(figures[name], published_tgen[name], 5.001e-5, name);
  }
});

Deno.test("deno task score refuses a text that would take minutes", async () => {
  const lists = await file("long.lex", "word ".repeat(20_000) + "\n");
  const data = ["--references", lists, "--predictions", lists];
  const { code, err } = await run("--task", "webnlg", ...data);
  assertEquals(code, 1);
  assertStringIncludes(err, "output 1 as texts of about 200 words at most");
  assertStringIncludes(err, "found 20000, and 20000 in a reference");
});
