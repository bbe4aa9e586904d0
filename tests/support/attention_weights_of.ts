// The weights of attention, and scores that are infinite, as one program has them and as composed.
import type { Device } from "../../core/device.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { tensor } from "../../core/tensor.ts";
import { attentionOf, type FusedCase, fusedOptions } from "./fused_attention_cases.ts";

/** Scores of 0 and values of one key each: the result is the weights. */
export async function weightsOf(device: Device, c: FusedCase, fused: boolean): Promise<number[]> {
  using _scope = device.scope("weights");
  const [batch, keyHeads, group, queries, keys, size] = c.space;
  const zeros = (rows: number, group: number) => {
    const shape = [batch, keyHeads, group, rows, size];
    return tensor(device, new Float32Array(sizeOf(shape)), shape);
  };
  const one = Array.from(
    { length: batch * keyHeads * keys * size },
    (_, i) => Number(i % size === Math.floor(i / size) % keys),
  );
  const values = tensor(device, one, [batch, keyHeads, 1, keys, size]);
  const inputs = [zeros(queries, group), zeros(keys, 1), values];
  return [...await attentionOf(inputs, fusedOptions(device, c), fused).read()];
}

/** The result where a query, a key and a value have large numbers, so that a score is infinite. */
export async function infiniteScores(device: Device, fused: boolean): Promise<number[]> {
  using _scope = device.scope("infinite");
  const space = [1, 1, 1, 20, 20, 8] as const;
  const c: FusedCase = { name: "infinite", space, causal: true, mask: "keys" };
  const numbers = (seed: number, large: number) => {
    const data = uniform(seedKey(seed), 160).map((u, i) =>
      Math.fround(Math.floor(i / 8) === 5 ? large : u)
    );
    return tensor(device, data, [1, 1, 1, 20, 8]);
  };
  const inputs = [numbers(1, 1e20), numbers(2, 1e20), numbers(3, 1)];
  return [...await attentionOf(inputs, fusedOptions(device, c), fused).read()];
}
