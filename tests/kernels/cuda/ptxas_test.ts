// Every text is one that NVIDIA's assembler takes.
import { assert, assertEquals } from "@std/assert";
import type { Bound } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { productShape } from "../../../kernels/cuda/product/product_shape.ts";
import { renderGroupProduct } from "../../../kernels/cuda/product/wgmma/group_product.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import { softmax } from "../../../core/ops/softmax.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { opTable } from "../../support/op_table.ts";
import { fusedCases, fusedResults } from "../../support/fused_attention_cases.ts";
import { withoutCard } from "../../support/cuda_texts.ts";
import { assemble, assembledBadly, needsPtxas, withoutPtxas } from "../../support/ptxas.ts";
import { resultsOf } from "../../support/op_results.ts";
import { faultsOf } from "../../support/special/special_row.ts";
import { specialTable } from "../../support/special/special_table.ts";

/** Groups, columns, stages, and turns on their way of tiles. */
const groupedTiles = {
  f32: [[2, 128, 2, 0], [2, 128, 4, 0], [2, 64, 4, 2], [1, 64, 2, 0]],
  bf16: [[2, 128, 4, 0], [2, 256, 4, 0], [1, 64, 6, 0]],
} as const;

/** Texts of products by warp groups: all layouts, whole turns or not. */
function* grouped(): Generator<string> {
  const buffer = { bytes: 0 };
  const [m, n] = [512, 512];
  for (const dtype of ["f32", "bf16"] as const) {
    const turn = dtype === "f32" ? 32 : 64;
    for (const [groups, columns, stages, raw] of groupedTiles[dtype]) {
      const warps = [4 * groups, 1] as const;
      const tile = { m: 64 * groups, n: columns, k: turn, warps, stages, raw, grouped: true };
      for (const k of [512, 520]) {
        for (const turned of [0, 1, 2, 3]) {
          if (dtype === "f32" && turned > 1) continue;
          const bound = (strides: readonly number[]): Bound => ({
            buffer,
            dtype,
            offset: 0,
            strides,
          });
          const a = bound(turned > 1 ? [1, m] : [k, 1]);
          const b = bound(turned % 2 === 1 ? [1, k] : [n, 1]);
          const c: Bound = { buffer, dtype: "f32", offset: 0, strides: [n, 1] };
          const shape = productShape([m, n, k], [a, b, c], tile, k, "float32");
          yield renderGroupProduct(plainProduct, shape).code;
        }
      }
    }
  }
}

/** One file of many texts: starting the assembler takes longer than a text. */
function together(texts: Iterable<string>, head: string): string {
  const bodies = [...texts].map((text, i) => {
    const body = text.replace(/^(\/\/[^\n]*\n)+/, "");
    assert(body.startsWith(head), body.slice(0, 100));
    return body.slice(head.length).replace(" program(", ` program${i}(`)
      .replace(/^\.extern[^\n]*\n/, "");
  });
  return `${head}.extern .shared .align 16 .b8 tiles[];\n${bodies.join("\n")}`;
}

/** Texts of the tables of operations. */
async function rendered(): Promise<Set<string>> {
  const all = new Set<string>();
  for (const precision of ["float32", "bf16"] as const) {
    const { texts, backend } = withoutCard(precision);
    await using device = new Device(backend);
    for (const row of opTable) {
      await resultsOf(row, device);
      if (precision === "bf16") await resultsOf(row, device, "bf16");
    }
    // So many elements that eight of them are taken at once.
    const many = {
      name: "",
      shapes: [[1024, 1032]],
      run: (_: Device, [x]: Tensor[]) => softmax(x!),
    };
    if (precision === "bf16") await resultsOf(many, device, "bf16");
    // Halves among them; what is wrong with the results of a card that is not there is no matter.
    for (const row of specialTable) await faultsOf(row, device, { subnormal: true });
    for (const c of fusedCases) await fusedResults(device, c, true);
    for (const text of texts) all.add(text);
  }
  return all;
}

Deno.test({
  name: `ptxas takes every text of the tables of operations and of warp groups ${
    withoutPtxas ? needsPtxas : ""
  }`
    .trim(),
  ignore: withoutPtxas,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const texts = await rendered();
      assert(texts.size > 100);
      const file = `${folder}/all.ptx`;
      const head = (version: string, target: string) =>
        `.version ${version}\n.target ${target}\n.address_size 64\n`;
      await Deno.writeTextFile(file, together(texts, head("7.0", "sm_80")));
      for (const card of ["sm_80", "sm_90"]) assertEquals(await assemble(file, card), "");
      await Deno.writeTextFile(file, together(grouped(), head("8.0", "sm_90a")));
      assertEquals(await assemble(file, "sm_90a"), "");
      // Spilt registers, or products that wait for each other, would be slow and nothing else.
      assertEquals(await assembledBadly(file, "sm_90a"), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
