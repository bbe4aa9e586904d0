// What every bench has: options for the device, and a device that is open while it runs.
import type { Device } from "../core/device.ts";
import { type Command, command } from "../train/commands/command.ts";
import { deviceOptions } from "../train/config/device_options.ts";
import type { OptionsOf, OptionTable } from "../train/config/options.ts";
import { pickOptions, resolveOptions } from "../train/config/parse.ts";
import { openDevice } from "../train/device/backend.ts";

/** Options that every bench has. */
export const common = {
  ...deviceOptions,
  parallel: {
    group: "device",
    kind: "switch",
    help: "CUDA: let programs that come again run beside each other where none needs another",
    default: false,
  },
  attention: {
    group: "device",
    kind: "choice",
    choices: ["auto", "always", "never"],
    help: "WebGPU: when attention is one program (auto: on GPUs)",
    default: "never",
  },
  json: { group: "output", kind: "switch", help: "print JSON", default: false },
} as const satisfies OptionTable;

/** What a bench is made from. */
export interface BenchSpec<T extends OptionTable> {
  /** What it measures, in one line. */
  readonly summary: string;
  /** An example. */
  readonly usage: string;
  /** Its own options. */
  readonly options: T;
  /** Measures and prints. */
  readonly run: (
    options: OptionsOf<T> & OptionsOf<typeof common>,
    opened: OpenDevice,
  ) => Promise<void>;
}

/** A device that the bench need not close, and what it is. */
export interface OpenDevice {
  /** The device. */
  readonly device: Device;
  /** Which one was chosen, and why. */
  readonly reason: string;
}

/** Makes a bench. */
export function bench<const T extends OptionTable>(
  { summary, usage, options, run }: BenchSpec<T>,
): Command {
  return command({
    summary,
    usage,
    verb: "measure",
    options: { ...options, ...common } as OptionTable,
    async run(given) {
      const shared = resolveOptions(common, "measure", pickOptions(common, given));
      const own = resolveOptions(options, "measure", pickOptions(options, given));
      const { device, reason } = await openDevice({ ...shared, dtype: "f32" });
      await using _device = device;
      await run({ ...own, ...shared }, { device, reason });
    },
  });
}

/** A row for a size, an integer of at least 1. */
export function size<const D extends number>(help: string, usual: D): SizeOption & { default: D };
export function size(help: string): SizeOption;
export function size(help: string, usual?: number): SizeOption {
  return { kind: "integer", help, min: 1, ...(usual !== undefined && { default: usual }) };
}

/** A row for a size. */
export interface SizeOption {
  /** Kind of value. */
  readonly kind: "integer";
  /** What it is. */
  readonly help: string;
  /** Smallest size. */
  readonly min: number;
}
