// Every text is one that NVIDIA's assembler takes.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { softmax } from "../../../core/ops/softmax.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { opTable } from "../../support/op_table.ts";
import { fusedCases, fusedResults } from "../../support/fused_attention_cases.ts";
import { withoutCard } from "../../support/cuda_texts.ts";
import { assemble, needsPtxas, withoutPtxas } from "../../support/ptxas.ts";
import { resultsOf } from "../../support/op_results.ts";
import { faultsOf } from "../../support/special/special_row.ts";
import { specialTable } from "../../support/special/special_table.ts";

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
  name: `ptxas takes every text of the tables of operations ${withoutPtxas ? needsPtxas : ""}`
    .trim(),
  ignore: withoutPtxas,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const texts = [...await rendered()];
      assert(texts.length > 100);
      // One file for all of them: starting the assembler takes longer than a text.
      const header = /^(\/\/[^\n]*\n)+\.version 7\.0\n\.target sm_80\n\.address_size 64\n/;
      const bodies = texts.map((text, i) =>
        text.replace(header, "").replace(" program(", ` program${i}(`)
          .replace(/^\.extern[^\n]*\n/, "")
      );
      const tiles = ".extern .shared .align 16 .b8 tiles[];\n";
      const head = ".version 7.0\n.target sm_80\n.address_size 64\n";
      const file = `${folder}/all.ptx`;
      await Deno.writeTextFile(file, head + tiles + bodies.join("\n"));
      for (const card of ["sm_80", "sm_90"]) assertEquals(await assemble(file, card), "");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
