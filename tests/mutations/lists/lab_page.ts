/** Mutations of the lab: its state, its row of attention, its noise and its server. */

import type { Mutation } from "../mutation.ts";

const page = "train/lab/page";
const stateTests = ["tests/train/lab/state_test.ts"];
const rowTests = ["tests/train/lab/attention_test.ts"];

/** Mutations of the lab: its state, its row of attention, its noise and its server. */
export const labPageMutations: readonly Mutation[] = [
  {
    name: "the lab's NoGrad is none",
    file: `${page}/attention/compute.ts`,
    find: "div(kept, noGrad(sum(kept, -1, { keepDims: true })))",
    replace: "div(kept, sum(kept, -1, { keepDims: true }))",
    why: "Eq. 2",
    tests: rowTests,
  },
  {
    name: "the lab drops a row whole",
    file: `${page}/attention/compute.ts`,
    find: "return mask.includes(1) ? mask : mask.map(() => 1);",
    replace: "return mask;",
    why: "a row that would lose all its keys keeps all",
    tests: rowTests,
  },
  {
    name: "the lab draws another position's masks",
    file: `${page}/attention/compute.ts`,
    find: 'siteAt({ dropout }, "logits", layerPlace(0, 1))',
    replace: 'siteAt({ dropout }, "logits", layerPlace(1, 2))',
    why: "the masks are those of a model's only layer",
    tests: rowTests,
  },
  {
    name: "the lab's k is upside down",
    file: `${page}/attention/compute.ts`,
    find: "value / below[row]!",
    replace: "below[row]! / value",
    why: "Eq. 10",
    tests: rowTests,
  },
  {
    name: "the lab moves the wrong logit for k",
    file: `${page}/attention/compute.ts`,
    find: "key === moved ? value : g",
    replace: "key === of ? value : g",
    why: "k falls as the dropped logit grows",
    tests: rowTests,
  },
  {
    name: "the lab says NoGrad's slope without its divisor",
    file: `${page}/attention/cell_kinds.ts`,
    find: "value: before[u]! * (1 - before[u]!) / kept,",
    replace: "value: before[u]! * (1 - before[u]!),",
    why: "Eq. 9",
    tests: rowTests,
  },
  {
    name: "the lab calls noise a cell of two kept words",
    file: `${page}/attention/cell_kinds.ts`,
    find: 'if (dropped.includes(logit)) return "noise";',
    replace: 'if (dropped.includes(logit)) return "other";',
    why: "a dropped word's logit is what the page is about",
    tests: rowTests,
  },
  {
    name: "the lab takes numbers beyond their bounds",
    file: `${page}/fields.ts`,
    find: "value >= min && value <= max &&",
    replace: "value >= min &&",
    why: "what does not fit counts as not said",
    tests: stateTests,
  },
  {
    name: "the lab takes rates in any order",
    file: `${page}/fields.ts`,
    find: "x !== undefined && x > (values[i - 1] ?? -Infinity)",
    replace: "x !== undefined",
    why: "rates are ascending",
    tests: stateTests,
  },
  {
    name: "the lab writes defaults into the address",
    file: `${page}/state.ts`,
    find: "if (text === field.write(field.default)) texts.delete(String(key));",
    replace: "if (text === undefined) texts.delete(String(key));",
    why: "an address says what differs",
    tests: stateTests,
  },
  {
    name: "a link to a section forgets what was set",
    file: `${page}/state.ts`,
    find: 'if (hash.includes("?")) {',
    replace: "if (hash !== undefined) {",
    why: "a name alone changes no value",
    tests: stateTests,
  },
  {
    name: "the lab's noise ignores the seed of masks",
    file: `${page}/noise/measure.ts`,
    find: "{ clean, rate, masks, seed }",
    replace: "{ clean, rate, masks, seed: 1 }",
    why: "the numbers are those of deno task noise",
    tests: ["tests/train/lab/noise_test.ts"],
    sample: false,
  },
  {
    name: "the lab forgets what was asked for meanwhile",
    file: `${page}/latest.ts`,
    find: "if (running) again = true;",
    replace: "if (running) again = false;",
    why: "the last state is what is drawn",
    tests: ["tests/train/lab/latest_test.ts"],
  },
  {
    name: "the lab serves scripts as bytes",
    file: "train/lab/serve.ts",
    find: 'js: "text/javascript; charset=utf-8",',
    replace: "",
    why: "browsers refuse modules of another type",
    tests: ["tests/train/lab/serve_test.ts"],
  },
];
