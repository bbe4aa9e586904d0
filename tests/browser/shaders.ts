// WGSL of what the operation table, its gradients and a training step run, in every variant.
import { attentionPasses } from "../../core/attention.ts";
import type { Backend, Binding } from "../../core/backend.ts";
import { gradient } from "../../core/gradient.ts";
import { sum } from "../../core/ops/reduce.ts";
import {
  attentionInputs,
  type AttentionProgram,
  type MatmulProgram,
  type Program,
  readsRow,
  type RowProgram,
} from "../../core/program.ts";
import { seedKey } from "../../core/random.ts";
import { Device } from "../../core/device.ts";
import { sizeOf } from "../../core/shape.ts";
import { tensor } from "../../core/tensor.ts";
import { attentionAlways } from "../../kernels/webgpu/attention/attention_policy.ts";
import { passShader } from "../../kernels/webgpu/attention/pass_shader.ts";
import type { Limits } from "../../kernels/webgpu/limits.ts";
import { rowValuesOf } from "../../kernels/plan/attention.ts";
import { type MatmulShape, renderMatmul } from "../../kernels/webgpu/product/matmul.ts";
import { renderRowShader } from "../../kernels/webgpu/row/row.ts";
import { variesAlong } from "../../kernels/plan/row_walk.ts";
import type { RowShape } from "../../kernels/webgpu/row/row_shape.ts";
import { gatherShader, scatterAddShader } from "../../kernels/webgpu/row/gather.ts";
import { usualPolicy } from "../../kernels/webgpu/product/matmul_policy.ts";
import { finishProgram, plainProduct } from "../../kernels/plan/split_k.ts";
import { browserPrelude } from "../../kernels/webgpu/row/subgroups.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { AdamW } from "../../nn/optim/adamw.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { trainStep } from "../../nn/optim/train_step.ts";
import { attentionOf, fusedInputs, fusedOptions } from "../support/fused_attention_cases.ts";
import { opTable } from "../support/op_table.ts";
import { randomModel, tinyConfig, tinyExamples } from "../support/tiny_models.ts";
import { attentionCases } from "../support/webgpu_attention_cases.ts";
import { toBatch } from "../../nn/layers/batch.ts";
import { trainHead } from "../../nn/models/heads.ts";

/** Computes nothing, and calls `note` for each program with the axes of its space. */
function listener(
  note: (program: Program, axes: number) => void,
  attend: (program: AttentionProgram, binding: Binding) => void,
): Backend {
  return {
    name: "listener",
    description: "computes nothing",
    statistics: { buffers: 0, bytes: 0, peakBytes: 0, runs: 0 },
    supports: () => true,
    allocate: (bytes) => ({ bytes }),
    release() {},
    write() {},
    read: (_buffer, _offset, bytes) => Promise.resolve(new ArrayBuffer(bytes)),
    run: (program, { space }) => note(program, space.length),
    attention: {
      fits: () => true,
      rowValues: ({ masks }) => rowValuesOf(masks).length,
      run: attend,
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function runEverything(device: Device): Promise<void> {
  for (const { shapes, run } of opTable) {
    const inputs = shapes.map((shape) => tensor(device, new Float64Array(sizeOf(shape)), shape));
    gradient(() => sum(run(device, inputs)), inputs);
  }
  for (const c of attentionCases) {
    const inputs = fusedInputs(device, c);
    gradient(() => sum(attentionOf(inputs, fusedOptions(device, c), true)), inputs);
  }
  for (const architecture of ["bert", "gpt2", "llama"] as const) {
    const model = randomModel(device, tinyConfig(architecture), "classifier");
    trainHead(model);
    const optimiser = new AdamW(await Trainable.of(model, device));
    const batch = toBatch(device, tinyExamples([5, 3]), { numbers: [0, 1] });
    trainStep({ model, optimiser }, [batch], seedKey(1), {
      plan: dropoutPlan("hiddenkey", architecture !== "bert"),
      lr: 1e-3,
    });
  }
}

/** One shape for each way in which a product is computed. */
const shapes = [[1024, 16], [16, 1024], [32, 64], [64, 64], [512, 512], [1024, 1024]] as const;

/** Variants, each on operands that are read four elements at a time and one by one. */
function matmulShapes(program: MatmulProgram, rank: number, chunked = false): MatmulShape[] {
  const made: MatmulShape[] = [];
  const others = program.inputs.length - 2 + program.outputs.length;
  for (const [m, n] of shapes) {
    for (const [software, flat] of [[true, false], [false, false], [false, true]] as const) {
      const { variant } = usualPolicy({ m, n, k: 64, batch: 1 }, software);
      for (const wide of [true, false]) {
        made.push({
          rank,
          variant,
          layout: {
            read: [{ run: "inner", wide }, { run: "outer", wide }],
            wide: new Array<boolean>(others).fill(wide),
          },
          dtypes: ["f32", wide ? "f32" : "f16"],
          even: wide,
          chunked,
          flat,
        });
      }
    }
  }
  return made;
}

/** All passes of attention in the tiles that short texts, long ones and adapters in software have. */
function attentionShaders({ masks }: AttentionProgram, { inputs }: Binding): string[] {
  const limits = {
    maxComputeWorkgroupStorageSize: 32768,
    maxComputeInvocationsPerWorkgroup: 256,
  } as Limits;
  const own = inputs.length - 3;
  return Object.values(attentionPasses(masks)).flatMap((program) => {
    const { pass } = program;
    const operands = attentionInputs(program) + own + (pass === "gradient" ? 3 : 2);
    return ([[false, 64], [false, 512], [true, 64]] as const).map(([software, rows]) => {
      const sizes = { pass, heads: 64, rows, size: 64, drawsPairs: true };
      const tiles = attentionAlways(sizes, { software, limits })!;
      return passShader(program, { size: 64, operands, tiles, ragged: true }).code;
    });
  });
}

/** Ways to run a row program: by single columns and by fours, with subgroups and without. */
function rowShapes(program: RowProgram, axes: number): RowShape[] {
  const subgroups = { prelude: browserPrelude, largest: 32 };
  const ways: readonly Pick<RowShape, "kind" | "size" | "subgroups">[] = readsRow(program)
    ? [
      { kind: "serial", size: 64 },
      { kind: "group", size: 64 },
      { kind: "group", size: 256, subgroups },
      { kind: "subgroup", size: 128, subgroups },
    ]
    : [{ kind: "map", size: 64 }];
  const dtypes = program.inputs.map((kind) => kind === "u32" ? "u32" : "f32");
  const operands = [...program.inputs, ...program.outputs].map((_, k) => k);
  return [false, true].flatMap((wide) =>
    ways.map((way) => ({
      ...way,
      rank: Math.max(readsRow(program) ? 2 : 1, axes),
      dtypes,
      wide: operands.map((k) => wide && variesAlong(program, k)),
    }))
  );
}

/** All distinct texts. */
export async function everyShader(): Promise<string[]> {
  const codes = new Set([
    gatherShader("f32").code,
    gatherShader("f16").code,
    scatterAddShader.code,
  ]);
  for (const shape of matmulShapes(plainProduct, 1, true)) {
    codes.add(renderMatmul(plainProduct, shape).code);
  }
  const note = (program: Program, axes: number): void => {
    if (program.family === "row") {
      for (const shape of rowShapes(program, axes)) codes.add(renderRowShader(program, shape).code);
    } else if (program.family === "matmul") {
      for (const shape of matmulShapes(program, axes - 3)) {
        codes.add(renderMatmul(program, shape).code);
      }
      note(finishProgram(program), axes);
    }
  };
  const device = new Device(listener(note, (program, binding) => {
    if (program.pass !== "forward") return;
    for (const code of attentionShaders(program, binding)) codes.add(code);
  }));
  using _scope = device.scope("shaders");
  await runEverything(device);
  return [...codes];
}
