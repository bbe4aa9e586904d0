// What a launch can count, and launches that are waited for.
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { Bound } from "../../../core/backend.ts";
import { DeviceError } from "../../../core/errors.ts";
import { input } from "../../../core/expr.ts";
import {
  gatherProgram,
  type Program,
  rowProgram,
  scatterAddProgram,
} from "../../../core/program.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import { byteSteps, checkCount } from "../../../kernels/cuda/queue/launch.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";

const told = (space: string, bytes: number) =>
  `Cannot run a program over space [${space}] as rows lie at most 2147483647 bytes apart: found ${bytes}`;

Deno.test("steps that programs cannot count are refused, but along axes of one they are nothing", () => {
  assertEquals(byteSteps([2, 3], [2 ** 29 - 1, -(2 ** 29) + 1], 4), [2 ** 31 - 4, 4 - 2 ** 31]);
  assertEquals(byteSteps([2, 1], [1, 2 ** 40], 2), [2, 0]);
  assertThrows(() => byteSteps([2, 3], [2 ** 29, 1], 4), DeviceError, told("2,3", 2 ** 31));
  assertThrows(() => byteSteps([2, 3], [1, -(2 ** 29)], 4), DeviceError, told("2,3", -(2 ** 31)));
  checkCount("elements", 2 ** 31 - 1);
  const message = "Cannot run a program over 2147483648 elements as fewer than 2147483648 can be";
  assertThrows(() => checkCount("elements", 2 ** 31), DeviceError, message);
});

const copy = rowProgram(["f32"], [input(0, "f32", 3).add(1)]);
const far = 2 ** 29;

Deno.test("programs of every family refuse rows that lie too far apart, and counts of too many", async () => {
  await withInterpreted({}, (_, { backend, counts }) => {
    const buffer = backend.allocate(64);
    const bound = (strides: number[], dtype: Bound["dtype"] = "f32"): Bound => (
      { buffer, dtype, offset: 0, strides }
    );
    const run = (program: Program, space: number[], inputs: Bound[], output: Bound) => () =>
      backend.run(program, { space, inputs, outputs: [output], indices: [], scalars: [] });
    const ids = bound([1], "u32");
    const cases: readonly (readonly [() => void, string])[] = [
      [run(copy, [2, 4], [bound([far, 1])], bound([4, 1])), told("2,4", 4 * far)],
      [run(copy, [2, 4], [bound([4, 1])], bound([far, 1])), told("2,4", 4 * far)],
      [
        run(plainProduct, [2, 2, 2], [bound([far, 1]), bound([2, 1])], bound([2, 1])),
        told("2,2", 4 * far),
      ],
      [run(gatherProgram, [1, 2], [bound([far, 1]), ids], bound([2, 1])), told("1,2", 4 * far)],
      [run(gatherProgram, [1, 2], [bound([1, far]), ids], bound([2, 1])), told("1,2", 4 * far)],
      [
        run(scatterAddProgram, [2, 2, 3], [bound([far, 1]), ids], bound([2, 1])),
        told("2,2", 4 * far),
      ],
      [run(copy, [2 ** 31], [bound([0])], bound([1])), "over 2147483648 elements"],
      [
        run(gatherProgram, [2 ** 16, 2 ** 15], [bound([0, 0]), ids], bound([2 ** 15, 1])),
        "over 2147483648 elements",
      ],
      [
        run(scatterAddProgram, [1, 2 ** 15, 2 ** 16], [bound([0, 0]), ids], bound([2 ** 15, 1])),
        "over 2147483648 elements",
      ],
      [
        run(plainProduct, [2 ** 20, 2 ** 20, 1], [bound([0, 0]), bound([0, 0])], bound([1, 1])),
        "threads as a launch has fewer than 2147483648",
      ],
    ];
    for (const [refused, message] of cases) assertThrows(refused, DeviceError, message);
    backend.release(buffer);
    assertEquals(counts.get("cuLaunchKernel"), undefined);
  });
});

Deno.test("a program that is waited for is named where it fails, and none is in a graph", async () => {
  for (const [family, blas] of [["row", false], ["product", true]] as const) {
    const card = interpretedCuda("bf16", { blocking: true, blas });
    const { backend, counts, state } = card;
    const buffer = backend.allocate(4 * 64 * 64);
    const bound = (offset: number, dtype: Bound["dtype"] = "f32"): Bound => (
      { buffer, dtype, offset, strides: [64, 1] }
    );
    const run = (offset: number) => {
      const common = { outputs: [bound(0)], indices: [], scalars: [] };
      const inputs = [bound(offset, "bf16"), bound(0, "bf16")];
      return family === "row"
        ? backend.run(copy, { space: [64, 64], inputs: [bound(offset)], ...common })
        : backend.run(plainProduct, { space: [64, 64, 64], inputs, ...common });
    };
    const read = () => Promise.resolve().then(() => backend.read(buffer, 0, 4));
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 5; j++) run(0);
      await read();
    }
    assertEquals([counts.get("cuGraphLaunch"), backend.launches.inGraphs], [undefined, 0]);
    // One for each launch, one for each read.
    assertEquals(counts.get("cuStreamSynchronize"), 15 + 3);
    run(0);
    run(2 ** 26);
    run(0);
    const error = await assertRejects(read, DeviceError);
    const reason = "failed: a program reached memory that is not its own \\(CUDA error 700\\)";
    const name = family === "row"
      ? "row program row:\\S+ of \\d+ blocks"
      : "product of \\[64,64,64\\] by cuBLASLt 13.1";
    assertMatch(
      error.message,
      new RegExp(`^Cannot go on with an interpreted card as ${name} ${reason}$`),
    );
    // What came after it was not begun.
    assertEquals(counts.get("cuStreamSynchronize"), 15 + 3 + 2);
    await backend[Symbol.asyncDispose]();
    assertEquals([...state.open], []);
  }
});
