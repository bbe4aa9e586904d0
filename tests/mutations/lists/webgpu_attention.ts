/** Mutations of attention as one program on WebGPU. */

import type { Mutation } from "../mutation.ts";

const results = ["tests/kernels/webgpu/attention_test.ts"];
const tiles = ["tests/kernels/webgpu/attention_tiles_test.ts"];
const training = ["tests/kernels/webgpu/attention_training_test.ts"];
const folder = "kernels/webgpu/attention";

/** Mutations of attention in one program. */
export const webGpuAttentionMutations: readonly Mutation[] = [
  {
    name: "attention on WebGPU: earlier results do not shrink",
    file: `${folder}/forward.ts`,
    find: '`result${i}_${u} *= ${ofRow("shrink", i)};`',
    replace: '""',
    why: "a larger score makes all weights before it smaller",
    tests: results,
  },
  {
    name: "attention on WebGPU: rows that lost all keys stay empty",
    file: `${folder}/forward.ts`,
    find: '"if (isLost) { atomicStore(&lost, 1u); }",',
    replace: "",
    why: "a row that would lose all its visible keys ignores the drop",
    tests: results,
  },
  {
    name: "attention on WebGPU: a row that lost its weights ignores DropKey too",
    file: `${folder}/forward.ts`,
    find: ": [maskBits.scores, maskBits.weights];",
    replace: ": [maskBits.visible, maskBits.weights];",
    why: "each mask falls back on what the one before it left",
    tests: results,
  },
  {
    name: "attention on WebGPU: the key after the query is seen",
    file: `${folder}/mask_text.ts`,
    find: '${this.#byKeys ? ">=" : "<="} ${own}',
    replace: '${this.#byKeys ? ">=" : "<="} ${own} + ${this.#byKeys ? -1 : 1}',
    why: "causal attention sees no later key",
    tests: results,
  },
  {
    name: "attention on WebGPU: rows beyond the last one take part",
    file: `${folder}/pass_shape.ts`,
    find: "passing % turnRows(tiles, size) !== 0",
    replace: "passing % turnRows(tiles, size) < 0",
    why: "a turn may have fewer rows than it has room for",
    tests: results,
  },
  {
    name: "attention on WebGPU: draws of pairs are taken for each other",
    file: `${folder}/mask_text.ts`,
    find: "const first = at[0] * across + at[1] * 4;",
    replace: "const first = at[1] * across + at[0];",
    why: "a mask belongs to its query and key",
    tests: results,
  },
  {
    name: "attention on WebGPU: queries do not ignore a mask of pairs",
    file: `${folder}/mask_text.ts`,
    find: 'const tested = minds ? ` & (${this.tests(at)} >> ${shift})` : "";',
    replace: 'const tested = "";',
    why: "a query that lost all keys to a mask sees them again",
    tests: results,
  },
  {
    name: "attention on WebGPU: queries of the first group alone reach the keys",
    file: `${folder}/gradient.ts`,
    find: '`for (var group = 0; group < ${text.size("group")}; group++) {`',
    replace: '"for (var group = 0; group < 1; group++) {"',
    why: "keys have a gradient by every query head that shares them",
    tests: results,
  },
  {
    name: "attention on WebGPU: the gradient of a hidden sum reads the weights that are left",
    file: `${folder}/score_gradients.ts`,
    find: 'if (hasTwoSums(masks)) text.add(`let before${name} = ${weigh("Before", scored)};`);',
    replace: "if (hasTwoSums(masks)) text.add(`let before${name} = used${name};`);",
    why: "Eq. 2 of the paper hides DropAttention's sum from the gradient",
    tests: results,
  },
  {
    name: "attention on WebGPU: tiles leave the last inner elements out",
    file: `${folder}/tiled_products.ts`,
    find: "`for (var k0 = 0; k0 < ${length}; k0 += ${step}) {`",
    replace: "`for (var k0 = 0; k0 < ${Math.max(step, length - step)}; k0 += ${step}) {`",
    why: "a product is over all of a head",
    tests: tiles,
  },
  {
    name: "attention on WebGPU: pairs may have more bits than a word",
    file: `${folder}/attention_policy.ts`,
    find: 'const wide = pass === "forward" && !drawsPairs;',
    replace: 'const wide = pass === "forward";',
    why: "what an invocation draws is in 32 bits",
    tests: tiles,
  },
  {
    name: "attention on WebGPU: workgroups of short texts own as many rows",
    file: `${folder}/attention_policy.ts`,
    find: "const few = heads * Math.ceil(rows / large.rows) < enough;",
    replace: "const few = false;",
    why: "a GPU of a hundred processors needs work for all of them",
    tests: tiles,
  },
  {
    name: "attention on WebGPU: the gradient may bind more than an adapter can",
    file: `${folder}/pass_shape.ts`,
    find: "masks.length + mostOperands <= adapter.limits.maxStorageBuffersPerShaderStage &&",
    replace: "",
    why: "a forward pass whose gradient cannot run must not be taken",
    tests: training,
  },
  {
    name: "attention on WebGPU: tensors beyond a binding are bound",
    file: `${folder}/pass_shape.ts`,
    find: "return buffer.bytes <= maxStorageBufferBindingSize;",
    replace: "return buffer.bytes > 0 || maxStorageBufferBindingSize > 0;",
    why: "such tensors are met through windows",
    tests: training,
  },
  {
    name: "attention on WebGPU: queries beyond the end of a short text reach its keys",
    file: `${folder}/attention_products.ts`,
    find: "`select(vec4<f32>(), ${name}${i}_${j}, ${within});`",
    replace: "`select(${name}${i}_${j}, ${name}${i}_${j}, ${within});`",
    why: "a workgroup may have room for more rows than there are",
    tests: results,
  },
  {
    name: "attention on WebGPU: the gradient of long texts is one program too",
    file: `${folder}/pass_shape.ts`,
    find: "return sizes.rows <= tiles.rows && tiles.rows === turnRows(tiles, sizes.size);",
    replace: "return tiles.rows === turnRows(tiles, sizes.size);",
    why: "a workgroup has the whole of both sides",
    tests: results,
  },
  {
    name: "attention on WebGPU: gradients of the scores' rows leave out what rows share",
    file: `${folder}/whole_gradient.ts`,
    find: 'text.join("product", (a, b) => `${a} + ${b}`);',
    replace: "",
    why: "the gradient of a softmax reads all of its row",
    tests: results,
  },
];
