// The card as `--backend` takes it, on a host whose driver is interpreted.
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { type DeviceChoice, openDevice, type Opened } from "../../../train/device/backend.ts";
import { interpretedDriver } from "../../support/ptx/interpreted_driver.ts";
import { hostWith, withHost } from "../../support/ptx/library_host.ts";

const blas = "/opt/libcublasLt.so.13";

/** Opens a device where libraries may be opened or not, and a driver is there or not. */
function open(
  choice: Partial<DeviceChoice>,
  granted = true,
  driver = true,
  own = interpretedDriver(),
  opened: [string, string[]][] = [],
): Promise<Opened> {
  const permissions = { querySync: () => ({ state: granted ? "granted" : "denied" }) };
  const absent = () => {
    throw new Error("no such library");
  };
  const host = {
    ...hostWith(own, opened, "linux", blas),
    permissions,
    ...(!driver && { dlopen: absent }),
  };
  return withHost(host, () => openDevice({ backend: "cuda", dtype: "f32", threads: 1, ...choice }));
}

Deno.test("--backend cuda opens a card by number or address, auto where it may", async () => {
  const card = "CUDA, an interpreted card at 0000:0a:00.0, products in";
  const cases: readonly (readonly [Partial<DeviceChoice>, string])[] = [
    [{}, `${card} float32 (as asked)`],
    [{ precision: "bf16", card: "0a:00.0" }, `${card} bf16 (as asked)`],
    [{ backend: "auto", card: "0" }, `${card} float32 (auto: a card and its driver are there)`],
  ];
  for (const [choice, expected] of cases) {
    const { device, reason } = await open(choice);
    assertEquals(reason, expected);
    await device[Symbol.asyncDispose]();
  }
});

Deno.test("cards that cannot be had are refused with what is required", async () => {
  const cases: readonly (readonly [Parameters<typeof open>, string])[] = [
    [
      [{}, false, false],
      "--allow-ffi and NVIDIA's driver for CUDA 12 are required: found no --allow-ffi",
    ],
    [[{}, true, false], "--allow-ffi and NVIDIA's driver for CUDA 12 are required: found no card"],
    [[{ card: "3" }], "Cannot open card 3 as one of the driver's is required: found 0 (an"],
    [[{ dtype: "f64" }], "Cannot use --backend cuda with --dtype f64"],
    [[{ backend: "cpu", precision: "bf16" }], "requires --backend cuda: found --backend cpu"],
    [[{ backend: "auto", precision: "bf16" }, true, false], "--backend cuda: found no card"],
  ];
  for (const [given, message] of cases) {
    await assertRejects(() => open(...given), OptionError, message);
  }
});

Deno.test("--blas chooses the library of products in bf16, which float32 never opens", async () => {
  const cases: readonly (readonly [Partial<DeviceChoice>, string, string[]])[] = [
    [{ precision: "bf16", blas }, "bf16 by cuBLASLt 13.1", [blas]],
    [{ precision: "bf16", blas: "off" }, "bf16", []],
    [{ precision: "bf16" }, "bf16", ["libcublasLt.so.13", "libcublasLt.so.12"]],
    [{ precision: "float32", blas }, "float32", []],
    [{ blas: "/no/such" }, "float32", []],
  ];
  for (const [choice, products, wanted] of cases) {
    const opened: [string, string[]][] = [];
    const driver = interpretedDriver();
    const { device, reason } = await open(choice, true, true, driver, opened);
    assertEquals(
      reason,
      `CUDA, an interpreted card at 0000:0a:00.0, products in ${products} (as asked)`,
    );
    const paths = opened.map(([path]) => path).filter((path) => path !== "libcuda.so.1");
    assertEquals(paths, wanted);
    await device[Symbol.asyncDispose]();
    assertEquals([...driver.state.open], []);
  }
  const driver = interpretedDriver();
  await assertRejects(
    () => open({ precision: "bf16", blas: "/no/such" }, true, true, driver),
    OptionError,
    "Cannot use --blas /no/such with CUDA as cuBLASLt is required: /no/such: no such library",
  );
  assertEquals([...driver.state.open], []);
});

Deno.test("a driver without a card leaves auto to others, and is not enough for cuda", async () => {
  for (const [code, cards] of [[100, 1], [34, 1], [0, 0]] as const) {
    const driver = interpretedDriver();
    if (code !== 0) driver.failures.set("cuInit", code);
    driver.state.cards = cards;
    const { device } = await open({ backend: "auto" }, true, true, driver);
    assertNotEquals(device.backend.name, "cuda");
    await device[Symbol.asyncDispose]();
    await assertRejects(
      () => open({}, true, true, driver),
      OptionError,
      "Cannot use --backend cuda as --allow-ffi and NVIDIA's driver for CUDA 12 are required: " +
        "found no card with such a driver",
    );
    assertEquals([...driver.state.open], []);
  }
});

Deno.test("the CPU is taken where it is asked for, card or not", async () => {
  const { device } = await open({ backend: "cpu" });
  assertEquals(device.backend.name, "cpu");
  await device[Symbol.asyncDispose]();
});
