// jax-js's WebAssembly backend as a contender: deno run bench/peers/jax_js.ts THREADS
import { load, numbers, serve } from "./serve.ts";

interface JaxArray {
  /** A further reference: operations use one up. */
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
  dispose(): void;
}
interface Jax {
  init(...devices: string[]): Promise<unknown>;
  defaultDevice(name: string): void;
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
  };
  readonly nn: { softmax(x: JaxArray): JaxArray };
}

// It starts a worker for each core and has no option for fewer.
Object.defineProperty(navigator, "hardwareConcurrency", { value: Number(Deno.args[0]) });
const jax = await load<Jax>("npm:@jax-js/jax@0.1.25");
await jax.init("wasm");
jax.defaultDevice("wasm");

await serve(({ name, sizes }) => {
  const make = (...shape: number[]) =>
    jax.numpy.array(numbers(shape.reduce((a, b) => a * b, 1))).reshape(shape);
  const timed = (run: () => JaxArray) => async () => {
    const result = run();
    await result.blockUntilReady();
    result.dispose();
  };
  if (name.startsWith("product")) {
    const [m, n, k] = sizes as [number, number, number];
    const [a, b] = [make(m, k), make(k, n)];
    return timed(() => jax.numpy.matmul(a.ref, b.ref));
  }
  if (name.startsWith("softmax")) {
    const x = make(...sizes);
    return timed(() => jax.nn.softmax(x.ref));
  }
  return undefined;
});
