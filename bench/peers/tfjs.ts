// tfjs-backend-wasm as a contender; in Deno it has SIMD and one thread.
import { load, numbers, serve } from "./serve.ts";

interface Tensor {
  dispose(): void;
}
interface Tensorflow {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
}

const tf = await load<Tensorflow>("npm:@tensorflow/tfjs-core@4.22.0");
await load("npm:@tensorflow/tfjs-backend-wasm@4.22.0");
await tf.setBackend("wasm");

await serve(({ name, sizes }) => {
  const make = (...shape: number[]) => tf.tensor(numbers(shape.reduce((a, b) => a * b, 1)), shape);
  if (name.startsWith("product")) {
    const [m, n, k] = sizes as [number, number, number];
    const [a, b] = [make(m, k), make(k, n)];
    return () => tf.matMul(a, b).dispose();
  }
  if (name.startsWith("softmax")) {
    const x = make(...sizes);
    return () => tf.softmax(x).dispose();
  }
  return undefined;
});
