// What fused attention keeps of each row for its gradient: no more than its masks need.
import { assertEquals } from "@std/assert";
import { attentionPasses } from "../../../core/attention.ts";
import { index } from "../../../core/expr.ts";
import type { AttentionMasks } from "../../../core/program.ts";
import { withoutCard } from "../../support/cuda_texts.ts";

const drop = index(1, 2).compare("lt", 3);

const cases: Readonly<Record<string, readonly [Partial<AttentionMasks>, number]>> = {
  "without dropout": [{}, 2],
  "of DropKey": [{ scores: drop }, 3],
  "of DropAttention that the gradient sees": [{ weights: drop, rest: "sum" }, 3],
  "of DropAttention with NoGrad": [{ weights: drop, rest: "constant sum" }, 5],
  "of weights that are multiplied by a factor": [{ weights: drop, rest: "factor" }, 2],
};

for (const [name, [masks, expected]] of Object.entries(cases)) {
  Deno.test(`attention ${name} keeps ${expected} values of a row`, () => {
    const none = { causal: false, visible: undefined, scores: undefined, weights: undefined };
    const { forward } = attentionPasses({ ...none, rest: "constant sum", ...masks });
    assertEquals(withoutCard().backend.attention!.rowValues(forward), expected);
  });
}
