import { assert, assertEquals } from "@std/assert";
import { f32x4, Routine, v128 } from "../../../kernels/cpu/wasm/assembler/assembler.ts";
import { ThreadPool } from "../../../kernels/cpu/wasm/threads/thread_pool.ts";
import { Heap } from "../../../kernels/cpu/wasm/threads/heap.ts";
import { taskWord } from "../../../kernels/cpu/wasm/threads/task.ts";
import { shared } from "../../../kernels/cpu/wasm/threads/worker.ts";
import { mayRun } from "../../support/programs.ts";

const most = 5000;

/** Registers a kernel that adds a number to four floats. */
function adding(threadPool: ThreadPool, heap: Heap, number: number): number {
  const routine = new Routine(2);
  const place = routine.local("i32");
  return threadPool.kernel(routine.assemble([
    place.set(taskWord(routine.parameters[0]!, 0)),
    v128.store(place.get, f32x4.add(v128.load(place.get), f32x4.of(number))),
  ], heap.type));
}

for (const threads of [2, 5]) {
  Deno.test(`each task of 3000 batches runs once, on ${threads} threads that sleep, end and start anew`, async () => {
    const heap = Heap.open(true, shared.bytes)!;
    const threadPool = new ThreadPool(heap, threads);
    threadPool.reserve(64);
    const kernel = adding(threadPool, heap, 1);
    const address = heap.allocate(16 * most)!;
    const counts = new Float32Array(heap.memory.buffer, address, 4 * most).fill(0);
    const expected = new Float32Array(counts.length);
    const words = new Int32Array(heap.memory.buffer);
    const alive = () =>
      Array.from({ length: threads }, (_, thread) => {
        return words[shared.parts + shared.partWords * thread + shared.alive]!;
      }).reduce((sum, word) => sum + word);
    try {
      for (let batch = 0; batch < 3000; batch++) {
        // Now and then more than there are queue slots, and time to fall asleep.
        const count = batch % 500 === 0 ? most : 1 + batch % 13;
        const tasks = Array.from(
          { length: count },
          (_, i) => threadPool.task(kernel, [address + 16 * i]),
        );
        threadPool.run(tasks);
        for (let i = 0; i < 4 * count; i++) expected[i]!++;
        if (batch % 97 === 0) await new Promise((wake) => setTimeout(wake, 3));
        // Until the workers have ended; the next tasks start them anew.
        for (let wait = 0; batch === 1500 && alive() > 0; wait++) {
          assert(wait < 600, "the workers do not end");
          await new Promise((wake) => setTimeout(wake, 50));
        }
      }
      assertEquals(counts, expected);
      assertEquals(alive(), threads - 1);
    } finally {
      threadPool.close();
    }
  });
}

Deno.test("kernels that lie where memory was grown to run on threads that are starting", async () => {
  for (let pool = 0; pool < 20; pool++) {
    const heap = Heap.open(true, shared.bytes)!;
    const threadPool = new ThreadPool(heap, 4);
    threadPool.reserve(64);
    try {
      const address = heap.allocate(16 * most)!;
      const sums = new Float32Array(heap.memory.buffer, address, 4 * most).fill(0);
      const places = Array.from({ length: most }, (_, i) => address + 16 * i);
      const add = (number: number) => {
        const kernel = adding(threadPool, heap, number);
        threadPool.run(places.map((place) => threadPool.task(kernel, [place])));
      };
      add(1);
      heap.allocate(2 ** 22);
      for (let turn = 0; turn < 20; turn++) {
        add(1);
        await new Promise((wake) => setTimeout(wake, 1));
      }
      assertEquals(sums, new Float32Array(4 * most).fill(21));
    } finally {
      threadPool.close();
    }
  }
});

/** Multiplies on four threads and disposes of nothing. */
const forgetful = `
  import { Device, matmul, openCpu, tensor } from "${new URL("../../../mod.ts", import.meta.url)}";
  const device = new Device(openCpu({ threads: 4 }));
  const x = tensor(device, new Float32Array(512 * 512).fill(1), [512, 512]);
  console.log((await matmul(x, x).read())[0]);`;

Deno.test({
  name: "a process ends by itself though a backend with threads is not disposed of" +
    (mayRun("deno") ? "" : " (needs --allow-run=deno)"),
  ignore: !mayRun("deno"),
  async fn() {
    const config = decodeURIComponent(new URL("../../../deno.json", import.meta.url).pathname);
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, forgetful);
      const child = new Deno.Command("deno", {
        args: ["run", "--no-check", "--config", config, file],
        signal: AbortSignal.timeout(20_000),
      });
      const { success, stdout, stderr } = await child.output();
      assert(success, new TextDecoder().decode(stderr).slice(0, 300) || "it was still alive");
      assertEquals(new TextDecoder().decode(stdout).trim(), "512");
    } finally {
      await Deno.remove(file);
    }
  },
});
