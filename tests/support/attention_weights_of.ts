// The weights of attention, and scores that are infinite, as one program has them and as composed.
import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
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

/** Gradient of all keys but the first, which alone the first query sees; that query's first number is given. */
export async function laterKeys(
  device: Device,
  { first, fused, ...own }: Pick<FusedCase, "weights"> & {
    readonly tokens: number;
    readonly first: number;
    readonly fused: boolean;
  },
): Promise<number[]> {
  using _scope = device.scope("later keys");
  const { tokens } = own;
  const c: FusedCase = { ...own, name: "", space: [1, 1, 1, tokens, tokens, 8], causal: true };
  const shape = [1, 1, 1, tokens, 8];
  const [query, key, value, weight] = [1, 2, 3, 4].map((seed) => {
    const data = uniform(seedKey(seed), sizeOf(shape)).map((u, i) =>
      seed === 1 && i === 0 ? first : Math.fround(2 * u - 1)
    );
    return tensor(device, data, shape);
  });
  const { gradients } = gradient(() => {
    const y = attentionOf([query!, key!, value!], fusedOptions(device, c), fused);
    return sum(mul(y, weight!));
  }, [key!]);
  // Zero times the first query's first number is NaN too where that is.
  return [...await gradients[0]!.read()].filter((_, i) => i >= 8 && i % 8 !== 0);
}
