/**
 * Memory that an engine may not have.
 *
 * @module
 */

import { DeviceError } from "./errors.ts";

/**
 * Makes what needs memory.
 *
 * @throws {DeviceError} If there is too little
 */
export function reserve<T>(bytes: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // What an engine says of a buffer that it cannot make.
    if (!(error instanceof RangeError) || error.name !== "RangeError") throw error;
    throw new DeviceError(`Cannot reserve ${bytes} bytes of memory: found too little`);
  }
}
