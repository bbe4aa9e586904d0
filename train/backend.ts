/**
 * Choosing what runs the programs.
 *
 * @module
 */

import type { Backend } from "../core/backend.ts";
import { Device } from "../core/storage.ts";
import { openCpu } from "../kernels/cpu/backend.ts";

/** Names that `--backend` takes. */
export type BackendName = "cpu" | "auto";

/** A device, and one line that says what was chosen and why. */
export interface Opened {
  /** The device; disposing it closes the backend. */
  readonly device: Device;
  /** For the log. */
  readonly reason: string;
}

/** Opens a device. */
export function openDevice(name: BackendName, float: "f32" | "f64"): Opened {
  const backend: Backend = openCpu();
  const why = name === "auto" ? "auto: the only backend of this version" : "as asked";
  return { device: new Device(backend, float), reason: `${backend.description} (${why})` };
}
