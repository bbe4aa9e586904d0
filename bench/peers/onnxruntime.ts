// onnxruntime-web's WebAssembly build as a contender, on one thread.
import { load, numbers, serve } from "./serve.ts";

interface Session {
  run(inputs: Record<string, unknown>): Promise<unknown>;
}
interface Onnx {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
  readonly InferenceSession: { create(model: Uint8Array): Promise<Session> };
}

type Field = readonly [id: number, value: number | string | readonly Field[]];

/** A message of protocol buffers. */
function message(fields: readonly Field[]): number[] {
  return fields.flatMap(([id, value]) => {
    if (typeof value === "number") return [id << 3, ...varint(value)];
    const bytes = typeof value === "string" ? [...new TextEncoder().encode(value)] : message(value);
    return [id << 3 | 2, ...varint(bytes.length), ...bytes];
  });
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 | 128, ...varint(Math.floor(value / 128))];
}

/** A float tensor with a name and a shape, as a graph's input or output. */
function described(name: string, shape: readonly number[]): Field[] {
  const axes = shape.map((size): Field => [1, [[1, size]]]);
  return [[1, name], [2, [[1, [[1, 1], [2, axes]]]]]];
}

/** A model that is one operation. */
function model(operation: string, inputs: readonly (readonly number[])[], output: number[]) {
  const names = ["a", "b"].slice(0, inputs.length);
  const node: Field[] = [...names.map((name): Field => [1, name]), [2, "y"], [4, operation]];
  const given = inputs.map((shape, i): Field => [11, described(names[i]!, shape)]);
  const graph: Field[] = [[1, node], [2, "graph"], ...given, [12, described("y", output)]];
  return Uint8Array.from(message([[1, 8], [7, graph], [8, [[1, ""], [2, 13]]]]));
}

const onnx = await load<Onnx>("npm:onnxruntime-web@1.30.0/wasm");
onnx.env.wasm.numThreads = 1;

await serve(async ({ name, sizes }) => {
  const make = (...shape: number[]) =>
    new onnx.Tensor("float32", numbers(shape.reduce((a, b) => a * b, 1)), shape);
  if (name.startsWith("product")) {
    const [m, n, k] = sizes as [number, number, number];
    const session = await onnx.InferenceSession.create(model("MatMul", [[m, k], [k, n]], [m, n]));
    const inputs = { a: make(m, k), b: make(k, n) };
    return () => session.run(inputs);
  }
  if (name.startsWith("softmax")) {
    const session = await onnx.InferenceSession.create(model("Softmax", [sizes], [...sizes]));
    const inputs = { a: make(...sizes) };
    return () => session.run(inputs);
  }
  return undefined;
});
