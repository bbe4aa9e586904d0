// Which tiles attention as one program has, and that programs with tiles agree with f64.
import { assert, assertEquals } from "@std/assert";
import { attentionPasses } from "../../../core/attention.ts";
import { Device } from "../../../core/device.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import {
  attentionAlways,
  attentionPolicy,
  type AttentionSizes,
  invocationsOf,
  turnRows,
  workgroupBytes,
} from "../../../kernels/webgpu/attention/attention_policy.ts";
import { passShader } from "../../../kernels/webgpu/attention/pass_shader.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import type { Limits } from "../../../kernels/webgpu/limits.ts";
import { type FusedCase, fusedResults } from "../../support/fused_attention_cases.ts";
import { assertClose } from "../../support/op_results.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";

const usual: AttentionSizes = {
  pass: "forward",
  heads: 128,
  rows: 512,
  size: 64,
  drawsPairs: false,
};

const adapterOf = (kibibytes: number, invocations = 256) => ({
  software: false,
  limits: {
    maxComputeWorkgroupStorageSize: 1024 * kibibytes,
    maxComputeInvocationsPerWorkgroup: invocations,
  } as Limits,
});

function tilesOf(change: Partial<AttentionSizes>, adapter = adapterOf(48)): number[] | undefined {
  const tiles = attentionAlways({ ...usual, ...change }, adapter);
  return tiles && [tiles.rows, tiles.own, tiles.across];
}

Deno.test("workgroups of attention own many rows where there are enough of them", () => {
  assertEquals(tilesOf({}), [64, 8, 8]);
  assertEquals(tilesOf({ pass: "queries" }), [64, 8, 4]);
  assertEquals(tilesOf({ pass: "keys" }), [32, 4, 8]);
  assertEquals(tilesOf({ rows: 64 }), [32, 4, 8]);
  assertEquals(tilesOf({ heads: 6, rows: 4096 }), [64, 8, 8]);
});

Deno.test("tiles of a whole gradient have as many rows as a turn", () => {
  const whole = { ...usual, pass: "gradient", rows: 64 } as const;
  for (const size of [32, 64, 128]) {
    const tiles = attentionAlways({ ...whole, size }, adapterOf(32))!;
    assertEquals([tiles.rows, turnRows(tiles, size)], [64, 64]);
    assert(tiles.own * tiles.across <= 32 && invocationsOf(tiles, size) <= 256);
    assertEquals(attentionAlways({ ...whole, size }, adapterOf(16)), undefined);
  }
  assertEquals(attentionAlways({ ...whole, size: 96 }, adapterOf(48)), undefined);
});

Deno.test("tiles of attention fit their adapter, and pairs that are drawn fit a word", () => {
  for (const pass of ["forward", "queries", "keys"] as const) {
    for (const drawsPairs of [true, false]) {
      for (let size = 8; size <= 128; size += 8) {
        const sizes = { ...usual, pass, size, drawsPairs };
        const tiles = attentionAlways(sizes, adapterOf(32))!;
        assert(workgroupBytes(tiles, size) <= 32 * 1024);
        assert(!drawsPairs || tiles.own * tiles.across <= 32);
        assert(turnRows(tiles, size) % 4 === 0);
      }
    }
  }
  const least = [32, 64, 96, 128].map((size) => tilesOf({ size }, adapterOf(16)));
  assertEquals(least, [[64, 8, 8], [32, 4, 8], [32, 4, 4], undefined]);
  assertEquals(tilesOf({ size: 128 }, adapterOf(48, 64)), undefined);
});

Deno.test("attention is one program on GPUs, in software where it is asked for, and nowhere where not", () => {
  const found = (["auto", "always", "never"] as const).map((choice) =>
    [false, true].map((software) => attentionPolicy(choice, software) !== undefined)
  );
  assertEquals(found, [[true, false], [true, true], [false, false]]);
});

/** Masks whose gradient sees the sum of weights that are left. */
const left: FusedCase = {
  name: "weights left",
  space: [1, 2, 2, 37, 37, 8],
  causal: true,
  weights: { structure: "column", nograd: false },
};

webGpuTest("attention in tiles agrees with f64", async (_, { device: gpu, facts }) => {
  const backend = new WebGpuBackend(
    gpu,
    facts,
    undefined,
    {},
    ({ pass }) =>
      pass === "keys"
        ? { rows: 8, own: 4, across: 8, units: 4, depth: 4 }
        : { rows: 16, own: 8, across: 4, units: 4, depth: 4 },
  );
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const expected = await fusedResults(oracle, left, false);
  assertClose(await fusedResults(new Device(backend), left, true), expected, left.name);
});

webGpuTest("an adapter compiles attention in every tile", async (_, { device: gpu }) => {
  const masks = { visible: undefined, scores: undefined, weights: undefined } as const;
  const passes = attentionPasses({ ...masks, causal: true, rest: "constant sum" });
  const codes = new Set<string>();
  for (const pass of ["forward", "queries", "keys", "gradient"] as const) {
    for (const [size, rows] of [[32, 64], [64, 64], [64, 512], [128, 512]] as const) {
      const tiles = attentionAlways({ ...usual, pass, size, rows }, adapterOf(48))!;
      const shape = { size, tiles, operands: pass === "forward" ? 5 : 8, ragged: true };
      codes.add(passShader(passes[pass], shape).code);
      assert(invocationsOf(tiles, size) <= 256);
    }
  }
  for (const code of codes) {
    gpu.pushErrorScope("validation");
    gpu.createShaderModule({ code });
    assertEquals((await gpu.popErrorScope())?.message, undefined);
  }
});
