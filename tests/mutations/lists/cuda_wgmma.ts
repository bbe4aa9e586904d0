/** Mutations of products by warp groups, and of what chooses them. */

import type { Mutation } from "../mutation.ts";

const floats = ["tests/kernels/cuda/wgmma_test.ts"];
const halves = ["tests/kernels/cuda/wgmma_halves_test.ts"];
const folder = "kernels/cuda/product/wgmma";

/** Mutations of products by warp groups, and of what chooses them. */
export const cudaWgmmaMutations: readonly Mutation[] = [
  {
    name: "warp groups: the low part is not what the high one leaves",
    file: `${folder}/split.ts`,
    find: '"sub.rn.f32", value, near',
    replace: '"add.rn.f32", value, near',
    why: "both parts add up to the float",
    tests: floats,
  },
  {
    name: "warp groups: units of a line are not exchanged",
    file: `${folder}/right_floats.ts`,
    find: 'const swizzled = text.into("b32", "xor.b32", half, line);',
    replace: 'const swizzled = text.into("b32", "add.u32", half, 0);',
    why: "tensor units read lines whose units are exchanged by the line's number",
    tests: floats,
  },
  {
    name: "warp groups: rows of B lie in the order of units, not of words",
    file: `${folder}/right_floats.ts`,
    find: 'const down = text.into("b64", "mul.wide.s32", place.innerStep, 4);',
    replace: 'const down = text.into("b64", "mul.wide.s32", place.innerStep, 1);',
    why: "a unit of B has every fourth element, as lanes have those of A",
    tests: floats,
  },
  {
    name: "warp groups: the first product of a turn is added to those of the turn before",
    file: `${folder}/group_loop.ts`,
    find: 'const kept = text.into("pred", "setp.ne.u32", base, base);',
    replace: 'const kept = text.into("pred", "setp.eq.u32", base, base);',
    why: "each turn has a sum of its own",
    tests: floats,
  },
  {
    name: "warp groups: what was taken apart is not shown to tensor units",
    file: `${folder}/group_loop.ts`,
    find: '    text.add("fence.proxy.async.shared::cta");\n    wayB.send();',
    replace: "    wayB.send();",
    why: "stores of threads and reads of tensor units are ordered by a fence",
    tests: floats,
  },
  {
    name: "warp groups: three tiles are enough for two groups in turn",
    file: `${folder}/group_loop.ts`,
    find: "this.#ahead = this.#inTurn ? 2 : 1;",
    replace: "this.#ahead = this.#inTurn ? 3 : 1;",
    why: "the group that is behind may still read the tile that is written",
    tests: floats,
  },
  {
    name: "warp groups: the rows beyond the last are read",
    file: `${folder}/left_floats.ts`,
    find: 'const there = text.into("b32", "min.u32", own, last);',
    replace: 'const there = text.into("b32", "max.u32", own, last);',
    why: "a tile may go on beyond the end of A",
    tests: floats,
  },
  {
    name: "warp groups: columns are written in the order in which they were read",
    file: `${folder}/right_floats.ts`,
    find: "before[i ^ (bit + 1)]!, value, predicate",
    replace: "value, value, predicate",
    why: "each lane begins with another column, so that banks differ",
    tests: floats,
  },
  {
    name: "warp groups: newer cards have those of 9.0",
    file: "kernels/cuda/product/products.ts",
    find: "capability === 90 && fitsGroups",
    replace: "capability >= 90 && fitsGroups",
    why: "what sm_90a has, later cards do not",
    tests: floats,
  },
  {
    name: "warp groups: elements of A that are read one by one are all of the first half",
    file: `${folder}/left_floats.ts`,
    find: "const jump = 4 * half + e;",
    replace: "const jump = e;",
    why: "a lane has eight elements of a row",
    tests: floats,
  },
  {
    name: "warp groups: a turn is taken before it has come",
    file: `${folder}/turns_ahead.ts`,
    find: "${2 * count - 1}",
    replace: "${2 * count}",
    why: "turns of A and B are on their way in one order",
    tests: floats,
  },
  {
    name: "warp groups: bf16 is read a tile before its copy has come",
    file: `${folder}/halves_loop.ts`,
    find: "text.add(`cp.async.wait_group ${ahead - 1}`);",
    replace: "text.add(`cp.async.wait_group ${ahead}`);",
    why: "what a turn reads has been copied",
    tests: halves,
  },
  {
    name: "warp groups: bf16 is copied over the tile that is read",
    file: `${folder}/halves_loop.ts`,
    find: "const ahead = tile.stages - 2;",
    replace: "const ahead = tile.stages - 1;",
    why: "the group that is behind may still read the tile before",
    tests: halves,
  },
  {
    name: "warp groups: tensor units turn no factor",
    file: `${folder}/halves.ts`,
    find: "return this.#inner ? 0 : 1;",
    replace: "return 0;",
    why: "elements lie along the inner axis or along the outer one",
    tests: halves,
  },
  {
    name: "warp groups: panels of bf16 lie a line apart",
    file: `${folder}/halves.ts`,
    find: "(this.#inner ? 1 : panel >> 4) << 16",
    replace: "(this.#inner ? 1 : 8) << 16",
    why: "the descriptor says where the next 64 outer elements are",
    tests: halves,
  },
];
