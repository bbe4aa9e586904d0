// Opening a card by the host's interface to libraries, which is replaced.
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { DeviceError, OptionError } from "../../../core/errors.ts";
import type { CardFacts } from "../../../kernels/cuda/driver/driver.ts";
import { openLibrary } from "../../../kernels/cuda/driver/ffi.ts";
import { openCuda } from "../../../mod.ts";
import type { CudaOptions } from "../../../kernels/cuda/start.ts";
import { interpretedCard, interpretedDriver } from "../../support/ptx/interpreted_driver.ts";
import { hostWith, withHost } from "../../support/ptx/library_host.ts";

/** Opens a card; where that fails, the library is closed again. */
async function open(options: CudaOptions = {}, facts: Partial<CardFacts> = {}) {
  const driver = interpretedDriver({ ...interpretedCard, ...facts });
  try {
    return await withHost(hostWith(driver), () => openCuda(options));
  } catch (error) {
    assertEquals([...driver.state.open], []);
    throw error;
  }
}

Deno.test("a card is opened through the driver's library, which is closed in the end", async () => {
  const driver = interpretedDriver();
  const opened: [string, string[]][] = [];
  await withHost(hostWith(driver, opened), async () => {
    const backend = (await openCuda({ precision: "bf16" }))!;
    assertEquals(
      [backend.name, backend.description],
      ["cuda", "CUDA, an interpreted card at 0000:0a:00.0, products in bf16"],
    );
    assertEquals([backend.supports("f32"), backend.supports("f64")], [true, false]);
    const buffer = backend.allocate(8);
    backend.write(buffer, 0, Float32Array.of(3, 4));
    assertEquals([...new Float32Array(await backend.read(buffer, 0, 8))], [3, 4]);
    backend.release(buffer);
    await backend[Symbol.asyncDispose]();
  });
  assertEquals([...driver.state.open], []);
  const wanted = ["libcuda.so.1", "libcuda.so.1", "libcublasLt.so.13", "libcublasLt.so.12"];
  assertEquals(opened.map(([path]) => path), wanted);
  assertEquals(opened[1]![1], ["cuStreamSynchronize"]);
  assert(opened[0]![1].includes("cuLaunchKernel"));
});

Deno.test("cards are chosen by number or by address, with the domain or without", async () => {
  for (const card of [0, "0000:0a:00.0", "0A:00.0"]) {
    const backend = await open({ card });
    assert(backend !== undefined, String(card));
    await backend[Symbol.asyncDispose]();
  }
  for (const card of [1, "0000:0b:00.0", "a:00.0", ""]) {
    const message = `Cannot open card ${card} as one of the driver's is required: found 0 ` +
      "(an interpreted card at 0000:0a:00.0)";
    await assertRejects(() => open({ card }), OptionError, message);
  }
});

Deno.test("cards that are too old and precisions that are none are refused", async () => {
  const old = "as compute capability 8.0 is required: found 7.5";
  await assertRejects(() => open({}, { capability: 75 }), DeviceError, old);
  // Before a library is opened.
  const precision = "f16" as unknown as "bf16";
  const message = "Cannot open CUDA as precision requires float32 or tf32 or bf16: found f16";
  await assertRejects(() => openCuda({ precision }), OptionError, message);
});

Deno.test("cuBLASLt is looked for in versions that the driver runs, and closed in the end", async () => {
  const cases = [[13000, [13]], [13010, [13]], [12080, [12]], [11080, []]] as const;
  for (const [version, wanted] of cases) {
    const driver = interpretedDriver({ ...interpretedCard, version });
    const opened: [string, string[]][] = [];
    const path = `libcublasLt.so.${wanted[0]}`;
    await withHost(hostWith(driver, opened, "linux", path), async () => {
      const backend = (await openCuda({ precision: "bf16" }))!;
      assertEquals(opened.slice(2).map(([path]) => path), wanted.map((v) => `libcublasLt.so.${v}`));
      const by = wanted.length === 0 ? "" : " by cuBLASLt 13.1";
      assert(backend.description.endsWith(`products in bf16${by}`), backend.description);
      await backend[Symbol.asyncDispose]();
    });
    assertEquals([...driver.state.open], []);
  }
});

Deno.test("what fails while a card is opened leaves nothing open", async () => {
  const path = "libcublasLt.so.13";
  const driver = interpretedDriver();
  const openAgain = () =>
    withHost(hostWith(driver, [], "linux", path), () => openCuda({ precision: "bf16" }));
  driver.blas.failures.set("cublasLtCreate", 1);
  await assertRejects(
    openAgain,
    DeviceError,
    "Cannot go on with cuBLASLt 13.1 as cublasLtCreate failed with 1",
  );
  assertEquals([...driver.state.open], []);
  driver.blas.failures.clear();
  const calls = ["cuStreamCreate", "cuMemAddressReserve", "cuMemHostAlloc", "cuMemCreate"] as const;
  for (const name of calls) {
    driver.state.open.add("library");
    driver.failures.set(name, 1);
    await assertRejects(openAgain, DeviceError, `${name} failed: a value is invalid`);
    driver.failures.clear();
    assertEquals([...driver.state.open], [], name);
  }
});

Deno.test("a driver without a card is closed", async () => {
  const cases = [[100, 1], [34, 1], [0, 0]] as const;
  for (const [code, cards] of cases) {
    const driver = interpretedDriver();
    if (code !== 0) driver.failures.set("cuInit", code);
    driver.state.cards = cards;
    assertStrictEquals(await withHost(hostWith(driver), () => openCuda()), undefined);
    assertEquals([...driver.state.open], []);
    driver.state.open.add("library");
    const message = "Cannot open card 0 as one of the driver's is required: found none";
    const asked = () => withHost(hostWith(driver), () => openCuda({ card: 0 }));
    await assertRejects(asked, OptionError, message);
    assertEquals([...driver.state.open], []);
  }
  const driver = interpretedDriver();
  driver.failures.set("cuInit", 999);
  const message = "Cannot use CUDA as cuInit failed: the reason is unknown (CUDA error 999)";
  await assertRejects(() => withHost(hostWith(driver), () => openCuda()), DeviceError, message);
  assertEquals([...driver.state.open], []);
});

Deno.test("hosts without libraries or driver have no card", async () => {
  assertStrictEquals(await withHost({ dlopen: undefined }, () => openCuda()), undefined);
  const dlopen = () => {
    throw new Error("no such library");
  };
  assertStrictEquals(await withHost({ dlopen }, () => openCuda()), undefined);
});

Deno.test("Windows has its own name of the driver", async () => {
  const opened: [string, string[]][] = [];
  const host = hostWith(interpretedDriver(), opened, "windows");
  const library = await withHost(host, () => openLibrary());
  assertEquals(opened.map(([path]) => path), ["nvcuda.dll", "nvcuda.dll"]);
  library!.close();
});
