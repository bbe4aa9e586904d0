import { assert, assertEquals } from "@std/assert";
import { dropoutPlan, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { parseFlags } from "../../../train/config/parse.ts";
import { mergePresets } from "../../support/merged_presets.ts";
import { trainOptions } from "../../../train/config/train_options.ts";

const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
const section = /^### The paper's tables$([^]*?)^### /m.exec(readme)![1]!;
const tables = [...section.matchAll(/^deno task train --preset (\w+) (.*)$/gm)];
const rows = [...section.matchAll(/^\| ([^|]+?) +\| [^|]+ \| `(--method [^`]+)`/gm)];

/** What Table 1 has beside the method: its structure, and what is added. */
const expected: Readonly<Record<string, readonly [string[], string]>> = {
  "LoRA baseline": [[], "none"],
  "HiddenCut, element": [["element hidden"], "none"],
  "HiddenCut, column": [["column hidden"], "none"],
  "HiddenCut, span": [["span hidden"], "none"],
  "DropKey, element": [["element logits"], "none"],
  "DropKey, column": [["column logits"], "none"],
  "DropKey, span": [["span logits"], "none"],
  "DropAttention, element": [["element weights"], "none"],
  "DropAttention, column": [["column weights"], "none"],
  "DropAttention, span": [["span weights"], "none"],
  "HiddenKey⁻": [["column logits", "element hidden"], "none"],
  "HiddenKey": [["column logits", "element hidden"], "kl"],
  "HiddenKey⁻ + JS": [["column logits", "element hidden"], "js"],
  "HiddenKey⁻ + input": [["column logits", "element hidden", "span input"], "none"],
  "HiddenKey⁻ + output": [["column logits", "element hidden", "element output"], "none"],
};

Deno.test("README has a command for each row of the paper's tables, and each is what the row says", () => {
  assertEquals(tables.length, 5);
  assertEquals(rows.map(([, row]) => row), Object.keys(expected));
  for (const [, preset, common] of tables) {
    assertEquals(preset, "paper");
    const usual = parseFlags(trainOptions, common!.split(/\s+/));
    const family = usual.model!.includes("Llama") ? "llama" : undefined;
    const recipe = mergePresets(["paper"], usual.task!, family);
    for (const [, row, flags] of rows) {
      const given = parseFlags(trainOptions, flags!.split(/\s+/));
      const config = resolveConfig(recipe, usual, given);
      const plan = dropoutPlan(config.method, false, config satisfies PlanOptions);
      const [sites, compensation] = expected[row!]!;
      assertEquals(plan.sites.map(({ structure, position }) => `${structure} ${position}`), sites);
      assertEquals(plan.compensation.kind, compensation, row);
      assert(config.epochs > 0 && config.lr <= 5e-4 && config.rank >= 4);
    }
  }
});
