/** Mutations of Phi-3. */

import type { Mutation } from "../mutation.ts";

const tests = ["tests/nn/models/phi3_test.ts"];
const parity = ["tests/train/parity/parity_test.ts"];

/** Mutations of Phi-3. */
export const phi3Mutations: readonly Mutation[] = [
  {
    name: "the length of short texts is the scaling's own by its oldest name",
    file: "nn/models/long_rope.ts",
    find: "const original = fields.size(longest, 4096);",
    replace: 'const original = (kind === "su" ? rope : fields).size(longest, 4096);',
    why: "the reference writes the other over it",
    tests,
  },
  {
    name: "phi3 multiplies its gate by the activation of the other half",
    file: "nn/models/phi3.ts",
    find: "const [gate, up] = both as",
    replace: "const [up, gate] = both as",
    why: "the first half is the gate",
    tests: parity,
  },
  {
    name: "phi3 takes keys for values",
    file: "nn/models/phi3.ts",
    find: "key: rotate(key, rows!), value }",
    replace: "key: rotate(value, rows!), value: key }",
    why: "keys stand before values",
    tests: parity,
  },
  {
    name: "long texts turn as short ones",
    file: "nn/models/rotary_positions.ts",
    find: "const isLong = width > longestShort;",
    replace: "const isLong = width < 0;",
    why: "LongRoPE has other factors for them",
    tests: tests,
  },
  {
    name: "texts of the longest short length turn as long ones",
    file: "nn/models/rotary_positions.ts",
    find: "const isLong = width > longestShort;",
    replace: "const isLong = width >= longestShort;",
    why: "that length is a short one",
    tests: tests,
  },
  {
    name: "LongRoPE grows by nothing",
    file: "nn/models/long_rope.ts",
    find: "const usual = growth <= 1 ? 1 :",
    replace: "const usual = growth > 0 ? 1 :",
    why: "longer texts have sharper attention",
    tests: tests,
  },
  {
    name: "LongRoPE multiplies frequencies",
    file: "nn/models/long_rope.ts",
    find: "plain(pair) / divisors[pair]!",
    replace: "plain(pair) * divisors[pair]!",
    why: "long texts turn slower",
    tests: tests,
  },
  {
    name: "phi3 continues texts beyond short ones",
    file: "nn/generation/generate.ts",
    find: "Math.min(given.positions, longestContinued)",
    replace: "given.positions",
    why: "keys of a cache were turned as short ones",
    tests: tests,
  },
  {
    name: "a part of a head turns and comes last",
    file: "core/ops/rotary.ts",
    find: "concatenate([rotate(first, rows), rest], -1)",
    replace: "concatenate([rest, rotate(first, rows)], -1)",
    why: "the first numbers turn",
    tests,
  },
];
