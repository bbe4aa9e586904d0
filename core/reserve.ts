/**
 * Memory of the host, of which there may be too little.
 *
 * @module
 */

import { DeviceError } from "./errors.ts";

/**
 * Makes what needs memory.
 *
 * @param bytes How many, for messages
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
