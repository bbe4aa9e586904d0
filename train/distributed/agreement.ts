/**
 * What all processes of a run must have alike: the version, the settings, the data, the weights, and from
 * then on the parameters.
 *
 * @module
 */

import { TrainingError } from "../../core/errors.ts";
import { shortened } from "../../core/excerpt.ts";
import { checkpointTensors, type Optimiser } from "../../nn/optim/optimiser.ts";
import { type Group, processName } from "./group.ts";

/** Facts by the names that messages call them. */
export type Facts = Readonly<Record<string, string>>;

/** What is said where processes disagree. */
export interface Disagreement {
  /** What they cannot do; default `train`. */
  readonly verb?: string;
  /** What helps, behind the sentence; default nothing. */
  readonly remedy?: string;
}

/**
 * Requires that all processes have the same facts.
 *
 * @throws {TrainingError} In every process, if one has others: it names that process and the fact
 */
export async function requireAgreement(
  group: Group,
  facts: Facts,
  { verb = "train", remedy = "" }: Disagreement = {},
): Promise<void> {
  const [first, ...rest] = (await group.gather(JSON.stringify(facts)))
    .map((text) => JSON.parse(text) as Facts);
  for (const [i, other] of rest.entries()) {
    const names = new Set([...Object.keys(first!), ...Object.keys(other)]);
    const name = [...names].find((name) => first![name] !== other[name]);
    if (name === undefined) continue;
    const [required, found] = [first, other].map((one) => shortened(one![name] ?? "none", 100));
    throw new TrainingError(
      `Cannot ${verb} by ${group.size} processes as ${name} ${required} of process 0 is required of ` +
        `${processName(i + 1, group)}: found ${found}${remedy}`,
    );
  }
}

/** What tells the state of an optimiser from others: its parameters' names, and all numbers to the bit. */
export async function stateFacts(optimiser: Optimiser): Promise<Facts> {
  const facts: Record<string, string> = {
    step: `${optimiser.steps}`,
    "list of parameters": await digestOf(
      new TextEncoder().encode(optimiser.trainable.names.join()),
    ),
    "number of parameters": `${optimiser.trainable.flat.shape[0]}`,
  };
  for (const [name, tensor] of Object.entries(checkpointTensors(optimiser))) {
    facts[`digest of ${name}`] = await digestOf(await tensor.read() as Float32Array<ArrayBuffer>);
  }
  return facts;
}

async function digestOf(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}
