import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { zeros } from "../../../core/ops/create.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { relativeBucket } from "../../../nn/models/mpnet.ts";
import { assertClose } from "../../support/differences.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("relativeBucket() gives the rows of MPNetEncoder in transformers 5.17", () => {
  // First distance of each row: up to 7 one row each, then rows that grow.
  const starts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];
  for (let ahead = -511; ahead < 512; ahead++) {
    const row = starts.findLastIndex((start) => start <= Math.abs(ahead));
    assertEquals(relativeBucket(ahead), ahead < 0 ? 16 + row : row, `${ahead}`);
  }
});

Deno.test("the bias of MPNet's scores tells a key before the query from one behind it", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("mpnet"), "classifier");
    const all = new Map(parameters(model));
    const table = all.get("mpnet.encoder.relative_attention_bias.weight")!;
    const batch = toBatch(device, [{ ids: [5, 6, 7] }], { padId: 1 });
    const firstScores = async () => {
      const read: Promise<number[]>[] = [];
      const onScores = (x: Tensor, factor: number) =>
        void read.push(x.read().then((xs) => Array.from(xs, (one) => one * factor)));
      model.forward({ batch, onScores });
      return (await Promise.all(read))[0]!;
    };
    const [bias, biased] = [await table.value.read(), await firstScores()];
    table.value = zeros(device, table.shape);
    const plain = await firstScores();
    // By query and key: a key two behind has row 16 + 2, one two before row 2.
    for (const [query, key, row] of [[0, 2, 18], [2, 0, 2], [1, 1, 0], [0, 1, 17]] as const) {
      for (const head of [0, 1]) {
        const at = 9 * head + 3 * query + key;
        assertClose([biased[at]! - plain[at]!], [bias[2 * row + head]!], 1e-13);
      }
    }
  }));

Deno.test("a configuration of MPNet with other rows of the bias is refused", () => {
  assertThrows(
    () => tinyConfig("mpnet", { relative_attention_num_buckets: 64 }),
    FileError,
    "Cannot use relative_attention_num_buckets of this configuration as one of 32 is required",
  );
  assertThrows(
    () => tinyConfig("mpnet", { max_position_embeddings: 2 }),
    FileError,
    "it must be below max_position_embeddings",
  );
  assertEquals(tinyConfig("mpnet", { pad_token_id: 0 }).maxPositions, 16);
});
