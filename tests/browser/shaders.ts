// WGSL of what the operation table, its gradients and a training step run, in every variant.
import type { Backend } from "../../core/backend.ts";
import { gradient } from "../../core/gradient.ts";
import { sum } from "../../core/ops/rowwise.ts";
import { type MatmulProgram, type Program, readsRow } from "../../core/program.ts";
import { seedKey } from "../../core/random.ts";
import { Device, sizeOf } from "../../core/storage.ts";
import { tensor } from "../../core/tensor.ts";
import { type MatmulShape, renderMatmul } from "../../kernels/webgpu/matmul.ts";
import { renderRow } from "../../kernels/webgpu/row.ts";
import { gatherShader, scatterAddShader } from "../../kernels/webgpu/rows_by_index.ts";
import { usualPolicy } from "../../kernels/webgpu/choice.ts";
import { finishProgram, plainProduct } from "../../kernels/webgpu/split.ts";
import { toLabelled } from "../../nn/batch.ts";
import { plan } from "../../nn/dropout.ts";
import { Trainable, trainHead } from "../../nn/trainable.ts";
import { trainStep } from "../../train/step.ts";
import { opTable } from "../op_table.ts";
import { randomModel, tinyConfig, tinyExamples } from "../tiny_models.ts";

/** Computes nothing, and calls `note` for each program with the axes of its space. */
function listener(note: (program: Program, axes: number) => void): Backend {
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
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function runEverything(device: Device): Promise<void> {
  for (const { shapes, run } of opTable) {
    const inputs = shapes.map((shape) => tensor(device, new Float64Array(sizeOf(shape)), shape));
    gradient(() => sum(run(device, inputs)), inputs);
  }
  for (const architecture of ["bert", "gpt2", "llama"] as const) {
    const model = randomModel(device, tinyConfig(architecture), "classifier");
    trainHead(model);
    const trainable = await Trainable.of(model, device);
    const batch = toLabelled(device, tinyExamples([5, 3]), [0, 1], 0);
    trainStep({ model, trainable }, [batch], seedKey(1), {
      plan: plan("hiddenkey", architecture !== "bert"),
      optimiser: { learningRate: 1e-3 },
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
    for (const software of [true, false]) {
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
        });
      }
    }
  }
  return made;
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
      for (const variant of readsRow(program) ? ["serial", "group"] as const : ["map"] as const) {
        codes.add(renderRow(program, Math.max(1, axes), variant, 64).code);
      }
    } else if (program.family === "matmul") {
      for (const shape of matmulShapes(program, axes - 3)) {
        codes.add(renderMatmul(program, shape).code);
      }
      note(finishProgram(program), axes);
    }
  };
  const device = new Device(listener(note));
  using _scope = device.scope("shaders");
  await runEverything(device);
  return [...codes];
}
