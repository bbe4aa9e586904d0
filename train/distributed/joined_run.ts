/**
 * What a run of several processes does beside a run of one: process 0 alone writes, all must agree.
 *
 * @module
 */

import type { Backend } from "../../core/backend.ts";
import { OptionError } from "../../core/errors.ts";
import type { Optimiser } from "../../nn/optim/optimiser.ts";
import type { TrainConfig } from "../config/config.ts";
import { kebab } from "../config/options.ts";
import type { DeviceChoice } from "../device/backend.ts";
import { canonicalJson } from "../files/canonical_json.ts";
import { type Facts, requireAgreement, stateFacts } from "./agreement.ts";
import { alone, type Group } from "./group.ts";
import { neighboursOf, sharedCards, threadsOfNeighbour } from "./neighbours.ts";

/**
 * The group that makes a run.
 *
 * @throws {OptionError} If the run is one of several processes and none was joined: each would make it alone
 */
export function requiredGroup({ distributed }: TrainConfig, group: Group | undefined): Group {
  if (group !== undefined || distributed === "off") return group ?? alone;
  throw new OptionError(
    `Cannot train with --distributed ${distributed} as a group is required, which openGroup() joins`,
  );
}

/**
 * Settings as this process heeds them: one that does not lead has no folder, so that it writes nothing,
 * and where processes met is over.
 */
export function ownConfig({ rank }: Group, given: TrainConfig): TrainConfig {
  const { rendezvous: _, ...config } = given;
  if (rank === 0) return config;
  const { out: __, ...rest } = config;
  return rest;
}

/** The device of this process: its share of the cores, and its turn among the cards. */
export async function ownDevice(group: Group, config: TrainConfig): Promise<DeviceChoice> {
  if (group.size === 1) return config;
  const neighbour = await neighboursOf(group);
  const threads = threadsOfNeighbour(neighbour, navigator.hardwareConcurrency);
  return { threads, turn: neighbour.turn, ...config };
}

/** Says which cards are shared. */
export async function tellSharedCards(
  group: Group,
  backend: Backend,
  say: (line: string) => void,
): Promise<void> {
  if (group.size === 1) return;
  for (const line of await sharedCards(group, backend)) say(line);
}

/** Settings by the names of their flags, but for some. */
export function settingFacts(config: TrainConfig, indifferent: readonly string[]): Facts {
  return Object.fromEntries(
    Object.entries(config).filter(([name]) => !indifferent.includes(name))
      .map(([name, value]) => [`--${kebab(name)}`, canonicalJson(value ?? null)]),
  );
}

/**
 * Requires that all processes have the same parameters, moments and step.
 *
 * @throws {TrainingError} If one has others
 */
export async function requireSameState(group: Group, optimiser: Optimiser): Promise<void> {
  if (group.size === 1) return;
  await requireAgreement(
    group,
    await stateFacts(optimiser),
    {
      remedy:
        "; where their processors differ, --kernels simd --blas off has the same results on all",
    },
  );
}
