import { openCuda } from "../../mod.ts";
import type { CudaBackend } from "../../kernels/cuda/backend.ts";
import type { CudaOptions } from "../../kernels/cuda/start.ts";

const granted = (await Deno.permissions.query({ name: "ffi" })).state === "granted";
const probe = granted ? await openCuda() : undefined;
await probe?.[Symbol.asyncDispose]();

/** Opens a card of one's own; absent where this machine has none or may not open the driver. */
export const openOwnCuda: ((options?: CudaOptions) => Promise<CudaBackend>) | undefined =
  probe === undefined ? undefined : async (options) => (await openCuda(options))!;
