// The driver's functions on memory and copies.
import type { DriverFunction, NativeCall } from "../../../kernels/cuda/driver/ffi.ts";
import { CardRange } from "./card_range.ts";
import type { DriverState } from "./driver_state.ts";

const granularity = 2 ** 21;
/** An address that needs both words. */
const base = 7 * 2 ** 33;

const invalid = 1;
const full = 2;

/** The functions. */
export function memoryCalls(state: DriverState): Partial<Record<DriverFunction, NativeCall>> {
  return { ...rangeCalls(state), ...copyCalls(state) };
}

/** Whether a description names pinned memory of the card. */
function isOnCard(property: Uint8Array, index: number): boolean {
  const view = new DataView(property.buffer, property.byteOffset);
  return [1, 1, index].every((value, i) => view.getInt32([0, 8, 12][i]!, true) === value);
}

function rangeCalls(state: DriverState): Partial<Record<DriverFunction, NativeCall>> {
  const sizes = new Map<number, number>();
  return {
    cuMemGetAllocationGranularity: (out) => state.answer(out, granularity),
    cuMemAddressReserve: (out, size) => {
      state.memory = new CardRange(base, size as number);
      state.open.add("addresses");
      return state.answer(out, base);
    },
    cuMemAddressFree: (address, size) => {
      if (address !== base || size !== state.memory.size) return invalid;
      state.open.delete("addresses");
      return 0;
    },
    cuMemCreate: (out, bytes, property) => {
      const size = bytes as number;
      if (size % granularity !== 0 || !isOnCard(property as Uint8Array, 0)) return invalid;
      if (state.used + size > state.limit) return full;
      state.used += size;
      const handle = state.handle("memory");
      sizes.set(handle, size);
      return state.answer(out, handle);
    },
    cuMemRelease: (handle) => {
      state.used -= sizes.get(handle as number) ?? NaN;
      return state.end("memory", handle);
    },
    cuMemMap: (address, size, offset, handle) => {
      const start = (address as number) - base;
      if (sizes.get(handle as number) !== size || offset !== 0 || start < 0) return invalid;
      const end = start + (size as number);
      if (end > state.memory.size) return invalid;
      if (state.memory.mapped.some((each) => each.start < end && each.end > start)) return invalid;
      state.memory.bytes.fill(255, start, end);
      state.memory.mapped.push({ start, end, open: false });
      return 0;
    },
    cuMemSetAccess: (address, size, access, count) => {
      const start = (address as number) - base;
      const view = new DataView((access as Uint8Array).buffer);
      const found = state.memory.mapped.find((each) => each.start === start);
      const whole = found !== undefined && found.end === start + (size as number) && count === 1;
      if (!whole || view.getInt32(0, true) !== 1 || view.getInt32(8, true) !== 3) return invalid;
      found.open = true;
      state.memory.settle();
      return 0;
    },
    cuMemUnmap: (address) => {
      const { mapped } = state.memory;
      const found = mapped.findIndex(({ start }) => start === (address as number) - base);
      if (found < 0) return invalid;
      mapped.splice(found, 1);
      state.memory.settle();
      return 0;
    },
    cuMemGetInfo_v2: (free, total) => {
      state.answer(free, state.limit - state.used);
      return state.answer(total, state.facts.bytes);
    },
  };
}

function copyCalls(state: DriverState): Partial<Record<DriverFunction, NativeCall>> {
  const { host } = state;
  /** Place of bytes of the card, or nothing where they are not its own. */
  const placeOf = (address: number, bytes: number) => {
    const place = address - base;
    return place >= 0 && place + bytes <= state.memory.extent ? place : undefined;
  };
  return {
    cuMemHostAlloc: (out, bytes) => {
      const address = host.addressOf(new Uint8Array(bytes as number));
      state.open.add(`pinned ${address}`);
      return state.answer(out, address);
    },
    cuMemFreeHost: (address) => {
      host.forget(address as number);
      return state.end("pinned", address);
    },
    cuMemcpyHtoDAsync_v2: (address, source, bytes, stream) => {
      const place = placeOf(address as number, bytes as number);
      if (place === undefined || stream !== state.stream) return invalid;
      state.memory.bytes.set((source as Uint8Array).subarray(0, bytes as number), place);
      return 0;
    },
    cuMemcpyDtoHAsync_v2: (target, address, bytes, stream) => {
      const size = bytes as number;
      const place = placeOf(address as number, size);
      if (place === undefined || stream !== state.stream) return invalid;
      const copy = state.memory.bytes.slice(place, place + size);
      // The host sees it once it has waited.
      state.waiting.push(() => host.at(target as number, size).set(copy));
      return 0;
    },
  };
}
