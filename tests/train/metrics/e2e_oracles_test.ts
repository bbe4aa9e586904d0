import { assertAlmostEquals, assertEquals } from "@std/assert";
import { readPredictions } from "../../../train/data/predictions.ts";
import { readReferences } from "../../../train/data/references.ts";
import { bleuConventions, corpusBleu } from "../../../train/metrics/bleu.ts";
import { cider } from "../../../train/metrics/cider.ts";
import { nist } from "../../../train/metrics/nist.ts";
import { rougeL } from "../../../train/metrics/rouge.ts";
import { shared, sharedTest } from "../../support/shared.ts";

interface Figures {
  readonly BLEU: number;
  readonly NIST: number;
  readonly nist_py?: number;
  readonly ROUGE_L: number;
  readonly CIDEr?: number;
  readonly CIDEr_approx?: number;
}

/** What opens outputs beside the references of a file. */
async function opener(path: string) {
  const segments = await readReferences(shared(path));
  const references = segments.map((segment) => segment.references);
  return async (outputs: string) => ({
    hypotheses: await readPredictions(shared(outputs), segments, shared(path)),
    references,
  });
}

/** What pycocoevalcap 1.2 gives with Stanford's tokenizer; the shared figures lack the latter. */
const official: Readonly<Record<string, { ROUGE_L: number; CIDEr: number }>> = {
  adapt: { ROUGE_L: 0.5871714583460849, CIDEr: 1.5038901249439693 },
  tgen: { ROUGE_L: 0.685022628460141, CIDEr: 2.2338463877854293 },
};

/** Half a unit of the fourth digit, which the official programs print. */
const rounding = 5.001e-5;

sharedTest(
  "BLEU, NIST and ROUGE-L equal those of the E2E challenge's systems",
  async () => {
    const folder = "oracles/e2e_challenge";
    const { systems, published_tgen } = JSON.parse(
      await Deno.readTextFile(shared(`${folder}/expected.json`)),
    );
    const read = await opener("data/e2e/testset_w_refs.csv");
    for (const [name, figures] of Object.entries<Figures>(systems)) {
      const { hypotheses, references } = await read(`${folder}/${name}.tsv`);
      assertEquals(hypotheses.length, 630);
      const { score } = corpusBleu(hypotheses, references, bleuConventions.mteval);
      assertAlmostEquals(score / 100, figures.BLEU, rounding, name);
      const overlap = rougeL(hypotheses, references);
      assertAlmostEquals(overlap, figures.ROUGE_L, 1e-4, name);
      // NIST takes longest: of each convention, every other system is enough.
      const convention = ["adapt", "nle", "slug", "zhang"].includes(name) ? "mteval" : "pymteval";
      const expected = convention === "mteval" ? figures.NIST : figures.nist_py!;
      assertAlmostEquals(nist(hypotheses, references, { convention }), expected, rounding, name);
      const exact = official[name];
      if (exact === undefined) continue;
      assertAlmostEquals(overlap, exact.ROUGE_L, 1e-12, name);
      const closeness = cider(hypotheses, references);
      assertAlmostEquals(closeness, exact.CIDEr, 1e-12, name);
      assertAlmostEquals(closeness, figures.CIDEr_approx!, 2e-3, name);
      if (name === "tgen") assertAlmostEquals(closeness, published_tgen.CIDEr, rounding);
    }
  },
);

sharedTest(
  "BLEU, NIST, ROUGE-L and CIDEr equal those published for E2E's development set",
  async () => {
    const folder = "oracles/e2e_ukp_dev";
    const { scores } = JSON.parse(await Deno.readTextFile(shared(`${folder}/expected.json`)));
    const read = await opener("data/e2e/devset.csv");
    // One of eight outputs is enough, as every metric takes a while.
    const name = "seed08.txt", figures: Figures = scores[name];
    const { hypotheses, references } = await read(`${folder}/${name}`);
    const { score } = corpusBleu(hypotheses, references, bleuConventions.mteval);
    assertAlmostEquals(score / 100, figures.BLEU, rounding);
    assertAlmostEquals(rougeL(hypotheses, references), figures.ROUGE_L, rounding);
    assertAlmostEquals(nist(hypotheses, references), figures.NIST, rounding);
    assertAlmostEquals(cider(hypotheses, references), figures.CIDEr!, rounding);
  },
);

sharedTest("BLEU and NIST equal pymteval's on the example of e2e-metrics", async () => {
  const folder = "oracles/e2e_metrics_example";
  const read = await opener(`${folder}/devel-conc.txt`);
  const { hypotheses, references } = await read(`${folder}/baseline-output.txt`);
  assertEquals(hypotheses.length, 10);
  const options = { ...bleuConventions.mteval, smoothing: "none" } as const;
  const { score } = corpusBleu(hypotheses, references, options);
  assertAlmostEquals(score / 100, 0.7203, rounding);
  assertAlmostEquals(nist(hypotheses, references, { convention: "pymteval" }), 7.7889, rounding);
});
