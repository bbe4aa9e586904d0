/** Mutations of attention as one program, and of who asks for it. */

import type { Mutation } from "../mutation.ts";

const results = ["tests/kernels/cuda/attention_test.ts"];
const gradients = ["tests/kernels/cuda/attention_gradient_test.ts"];
const masks = ["tests/kernels/cuda/attention_masks_test.ts"];
const folder = "kernels/cuda/attention";

/** Mutations of fused attention. */
export const fusedAttentionMutations: readonly Mutation[] = [
  {
    name: "fused attention: earlier sums do not shrink",
    file: `${folder}/forward.ts`,
    find: "text.add(`mul.rn.f32 ${register}, ${register}, ${shrinks[i >> 1]}`)",
    replace: "text.add(`mul.rn.f32 ${register}, ${register}, ${floatText(1)}`)",
    why: "a larger score makes all weights before it smaller",
    tests: results,
  },
  {
    name: "fused attention: rows that lost all keys stay empty",
    file: `${folder}/forward.ts`,
    find: "text.add(`@${any} bra ${again}`);",
    replace: "",
    why: "a row that would lose all its visible keys ignores the drop",
    tests: results,
  },
  {
    name: "fused attention: the key after the query is seen",
    file: `${folder}/mask_steps.ts`,
    find: 'also("ge s32", limit, 8 * j);',
    replace: 'also("ge s32", limit, 8 * j - 1);',
    why: "causal attention sees no later key",
    tests: results,
  },
  {
    name: "fused attention: keys beyond the last one take part",
    file: `${folder}/attention_shape.ts`,
    find: "keys % turn !== 0",
    replace: "keys % turn < 0",
    why: "a turn may have fewer keys than it has room for",
    tests: results,
  },
  {
    name: "fused attention: draws of two rows are taken for each other",
    file: `${folder}/mask_steps.ts`,
    find: "const bit = 1 << (2 * r + e);",
    replace: "const bit = 1 << (r + 2 * e);",
    why: "a mask belongs to its query and key",
    tests: masks,
  },
  {
    name: "fused attention: queries of the first group alone reach the keys",
    file: `${folder}/turn_loop.ts`,
    find: "text.add(`add.u32 ${next.group}, ${next.group}, ${one}`);",
    replace: "",
    why: "keys have a gradient by every query head that shares them",
    tests: results,
  },
  {
    name: "fused attention: the gradient of a hidden sum reads the weights that are left",
    file: `${folder}/gradient.ts`,
    find: "hasTwoSums(masks) ? weigh(x, true) : undefined",
    replace: "undefined",
    why: "Eq. 2 of the paper hides DropAttention's sum from the gradient",
    tests: results,
  },
  {
    name: "fused attention: cotangents are read as they lie, whatever their layout",
    file: "core/attention.ts",
    find: "if (!fitsGradient(device, inputs, given)) inputs[3] = contiguous(g);",
    replace: "",
    why: "kernels copy rows by 16 bytes",
    tests: gradients,
  },
  {
    name: "fused attention: products of gradient and result leave columns out",
    file: `${folder}/gradient_rows.ts`,
    find: "const whole = size - size % 16;",
    replace: "const whole = size - size % 16 - 16 * Number(size > 16);",
    why: "the softmax's gradient takes off the whole product",
    tests: results,
  },
  {
    name: "fused attention: rows keep what no mask needs",
    file: "kernels/plan/attention.ts",
    find: '...(fallbacks(masks).length > 0 ? ["tests" as const] : []),',
    replace: '...["tests" as const],',
    why: "row values of all layers are in memory at once",
    tests: ["tests/kernels/cuda/attention_row_values_test.ts"],
  },
  {
    name: "fused attention: probes do not reach the scores",
    file: "nn/layers/attention.ts",
    find: "context.probes?.[place.layer] !== undefined;",
    replace: "false;",
    why: "what reads scores needs them in memory",
    tests: ["tests/kernels/cuda/attention_asked_test.ts"],
  },
  {
    name: "fused attention is not loaded where a card is opened",
    file: "mod.ts",
    find: "fuseAttention(forCards.attentionInOne);",
    replace: "",
    why: "models run attention as one program on a card",
    tests: ["tests/kernels/cuda/opened_test.ts"],
  },
];
