import { parseSafetensors } from "../../nn/formats/weights.ts";
import type { WeightSource } from "../../nn/models/weight_source.ts";

const tests = new URL("../", import.meta.url).pathname;

/** What a case changes of a golden base model, and what transformers makes of it. */
export interface ConfigCase {
  readonly change: Readonly<Record<string, unknown>>;
  readonly without?: readonly string[];
  /** Tensors by what they are made of: another one, a factor, and its first rows alone. */
  readonly copy?: Readonly<Record<string, readonly [string, number, number?]>>;
  readonly drop?: readonly string[];
  readonly texts?: readonly (readonly number[])[];
  readonly classifier?: boolean;
  readonly verdict: number | "error" | "random";
}

/** The cases of one architecture. */
export interface ConfigFamily {
  readonly base: string;
  readonly texts: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
  readonly cases: readonly ConfigCase[];
}

/** The verdicts of transformers, by architecture. */
export async function configFamilies(): Promise<Record<string, ConfigFamily>> {
  const families: Record<string, ConfigFamily & { readonly cases: ConfigCase[] }> = {};
  let last = "";
  for (
    const line of (await Deno.readTextFile(`${tests}config_keys/verdicts.jsonl`)).trim().split("\n")
  ) {
    const { family, ...fields } = JSON.parse(line);
    if (family === undefined) families[last]!.cases.push(fields);
    else families[last = family] = { ...fields, cases: [] };
  }
  return families;
}

/** A base model. */
export interface Base {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly weights: WeightSource;
}

/** The base model of a family: its configuration and its weights. */
export async function baseOf({ base }: ConfigFamily): Promise<Base> {
  const fields: Record<string, unknown> = JSON.parse(
    await Deno.readTextFile(`${tests}golden/${base}/base/config.json`),
  );
  const weights = parseSafetensors(
    await Deno.readFile(`${tests}golden/${base}/base/model.safetensors`),
    "model.safetensors",
  );
  return { fields, weights };
}

/** A configuration as a case changes it. */
export function changedFields(
  fields: Readonly<Record<string, unknown>>,
  { change, without = [] }: ConfigCase,
): Record<string, unknown> {
  const kept = Object.entries(fields).filter(([key]) => !without.includes(key));
  return { ...Object.fromEntries(kept), ...change };
}

/** Weights as a case changes them. */
export function changedWeights(
  weights: WeightSource,
  { copy = {}, drop = [] }: Pick<ConfigCase, "copy" | "drop">,
): WeightSource {
  const names = [...new Set([...weights.names(), ...Object.keys(copy)])];
  const shape = (name: string): readonly number[] => {
    const [from, , rows] = copy[name] ?? [name];
    const [first, ...rest] = weights.shape(from);
    return [rows ?? first!, ...rest];
  };
  return {
    path: weights.path,
    names: () => names.filter((name) => !drop.includes(name)),
    shape,
    async read(name, float) {
      const [from, factor = 1] = copy[name] ?? [name];
      const count = shape(name).reduce((product, size) => product * size, 1);
      return (await weights.read(from, float)).slice(0, count).map((x) => x * factor);
    },
  };
}

/** What a case is about, in a few words. */
export function titleOf({ change, without = [], copy = {}, drop = [], texts }: ConfigCase): string {
  const parts = [
    ...without.map((key) => `without ${key}`),
    ...Object.entries(change).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    ...Object.entries(copy).map(([name, [from, factor]]) => `${name} = ${factor} x ${from}`),
    ...drop.map((name) => `no ${name}`),
    ...texts === undefined ? [] : [JSON.stringify(texts)],
  ];
  return parts.join(", ");
}
