/**
 * What a backend is: an object that runs programs over buffers. Who adds a machine implements
 * {@linkcode Backend}, hands it to `new Device(backend)` and runs the conformance suite of the
 * repository's tests over it.
 *
 * @example A backend that counts the programs of another one
 * ```ts
 * import { Device, openCpu, sum, tensor } from "@hiddenkey/hiddenkey";
 * import type { Backend, Program } from "@hiddenkey/hiddenkey/backend";
 *
 * const cpu = openCpu();
 * const families: Program["family"][] = [];
 * const counting: Backend = {
 *   name: "counting",
 *   description: cpu.description,
 *   get statistics() {
 *     return cpu.statistics;
 *   },
 *   supports: (dtype) => cpu.supports(dtype),
 *   allocate: (bytes) => cpu.allocate(bytes),
 *   release: (buffer) => cpu.release(buffer),
 *   write: (buffer, offset, source) => cpu.write(buffer, offset, source),
 *   read: (buffer, offset, bytes) => cpu.read(buffer, offset, bytes),
 *   run(program, binding) {
 *     families.push(program.family);
 *     cpu.run(program, binding);
 *   },
 *   [Symbol.asyncDispose]: () => cpu[Symbol.asyncDispose](),
 * };
 * await using device = new Device(counting);
 * using _scope = device.scope("example");
 * console.log(await sum(tensor(device, [1, 2, 3])).item(), families); // 6, ["row"]
 * ```
 *
 * @module
 */

export type {
  Affine,
  Backend,
  BackendStatistics,
  Binding,
  Bound,
  Buffer,
  CapturedWork,
  Capturing,
  FusedAttention,
  MemoryPlace,
} from "./core/backend.ts";
export type { Dtype, Half, Kind } from "./core/dtype.ts";
export { DeviceError } from "./core/errors.ts";
export { type Bool, Expr, type Float, type Level, type Word } from "./core/expr.ts";
export type { ExprOp, LeafOp, ReductionOp, ScalarOp, UnaryOp } from "./core/operations.ts";
export {
  type AttentionMasks,
  type AttentionProgram,
  type GatherProgram,
  type MatmulProgram,
  type Program,
  readsRow,
  type RowProgram,
  type ScatterAddProgram,
} from "./core/program.ts";
export { type ScalarRow, scalarRow } from "./core/scalar.ts";
export type { Format } from "./kernels/cpu/wasm/assembler/load.ts";
export type {
  Blas,
  BlasProducts,
  Finish,
  Native,
  Operands,
  Run,
  Sizes,
  Threads,
} from "./kernels/cpu/wasm/product/blas.ts";
export type { Matrix } from "./kernels/cpu/wasm/product/matrix.ts";
export type { LtCall, LtFunction, LtLibrary } from "./kernels/cuda/blas/lt_library.ts";
export { CudaBackend } from "./kernels/cuda/backend.ts";
export type { QueueOptions } from "./kernels/cuda/queue_options.ts";
export type { Compiling, LoadedProgram } from "./kernels/cuda/driver/compilers.ts";
export type { CardFacts, Driver } from "./kernels/cuda/driver/driver.ts";
export type {
  DriverFunction,
  Library,
  NativeArgument,
  NativeCall,
} from "./kernels/cuda/driver/ffi.ts";
export type {
  ProductChoice,
  ProductPolicy,
  ProductSizes,
} from "./kernels/cuda/product/product_policy.ts";
export type { BlockTile, Precision } from "./kernels/cuda/product/product_shape.ts";
export { type AdapterFacts, WebGpuBackend } from "./kernels/webgpu/backend.ts";
export type { Limits } from "./kernels/webgpu/limits.ts";
export type {
  MatmulDispatch,
  MatmulPolicy,
  MatmulSizes,
} from "./kernels/webgpu/product/matmul_policy.ts";
export type { MatmulVariant } from "./kernels/webgpu/product/variant.ts";
export type { Subgroups } from "./kernels/webgpu/row/subgroups.ts";
