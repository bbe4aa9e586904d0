// The interpreter itself: it must notice what a card would do wrong, or not at all.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { seedKey, uniform } from "../../../core/random.ts";
import { floatText, PtxText } from "../../../kernels/cuda/ptx/text.ts";
import { cutOff, fusedMultiplyAdd, roundToEven, toBfloat } from "../../support/ptx/arithmetic.ts";
import { CardFault, CardRange } from "../../support/ptx/card_range.ts";
import { PtxMachine } from "../../support/ptx/machine.ts";
import { PtxSyntaxError, UnknownPtx } from "../../support/ptx/parse.ts";
import { SharedMemoryRace } from "../../support/ptx/shared_memory.ts";

/** Runs a text of 64 threads on 4 KiB of the card, whose address is its parameter. */
function run(write: (text: PtxText, base: string) => void, sharedBytes = 0): CardRange {
  const text = new PtxText();
  const base = text.parameter(text.reserve(1, 8), "b64");
  write(text, base);
  const memory = new CardRange(2 ** 33, 4096);
  memory.mapped.push({ start: 0, end: 4096, open: true });
  memory.settle();
  const parameters = new Int32Array([0, 2]);
  const machine = new PtxMachine(text.program(64, sharedBytes).code);
  machine.run({ memory, parameters, blocks: 1, sharedBytes });
  return memory;
}

/** Each thread writes a word of shared memory and reads that of its neighbour. */
function swap(text: PtxText, base: string, between: () => void): void {
  const words = text.shared("words", 64);
  const thread = text.special("tid.x");
  const own = text.into("b32", "mad.lo.u32", thread, 4, words);
  const other = text.into("b32", "xor.b32", own, 4);
  text.add(`st.shared.b32 [${own}+0], ${thread}`);
  between();
  const value = text.into("b32", "ld.shared.b32", `[${other}+0]`);
  text.add(`st.global.b32 [${text.into("b64", "mad.wide.u32", thread, 4, base)}], ${value}`);
}

Deno.test("what another thread wrote is a race until a barrier", () => {
  const { words } = run((text, base) => swap(text, base, () => text.add("bar.sync 0")));
  assertEquals([...words.subarray(0, 64)], Array.from({ length: 64 }, (_, i) => i ^ 1));
  const error = assertThrows(
    () => run((text, base) => swap(text, base, () => {})),
    SharedMemoryRace,
  );
  assert(/(ld|st)\.shared\.b32 /.test(error.message), error.message);
});

Deno.test("writing what another thread has read is a race until a barrier", () => {
  const again = (barrier: boolean) => (text: PtxText, base: string) => {
    swap(text, base, () => text.add("bar.sync 0"));
    if (barrier) text.add("bar.sync 0");
    const thread = text.special("tid.x");
    const own = text.into("b32", "mul.lo.u32", thread, 4);
    text.add(`st.shared.b32 [${own}+0], ${thread}`);
  };
  run(again(true));
  assertThrows(() => run(again(false)), SharedMemoryRace);
});

/** Copies a word for each thread and reads that of its neighbour. */
function copied(waits: readonly string[], size = 4) {
  return (text: PtxText, base: string) => {
    const thread = text.special("tid.x");
    const tiles = text.into("b32", "mov.u32", "tiles");
    const own = text.into("b32", "mad.lo.u32", thread, 4, tiles);
    const from = text.into("b64", "mad.wide.u32", thread, 4, base);
    text.add(`st.global.b32 [${from}], ${thread}`);
    const bytes = text.into("b32", "mov.u32", size);
    text.add(`cp.async.ca.shared.global [${own}+0], [${from}], 4, ${bytes}`);
    for (const wait of waits) text.add(wait);
    const other = text.into("b32", "xor.b32", own, 4);
    text.add(`st.global.b32 [${from}], ${text.into("b32", "ld.shared.b32", `[${other}+0]`)}`);
  };
}

const [commit, group, barrier] = ["cp.async.commit_group", "cp.async.wait_group", "bar.sync 0"];

Deno.test("copies are there after the wait and the barrier, zero where nothing is copied", () => {
  const { words } = run(copied([commit, `${group} 0`, barrier]), 256);
  assertEquals([...words.subarray(0, 4)], [1, 0, 3, 2]);
  assertEquals(run(copied(["cp.async.wait_all", barrier]), 256).words[0], 1);
  assertEquals(run(copied([commit, commit, `${group} 1`, barrier]), 256).words[0], 1);
  assertEquals(run(copied([commit, `${group} 0`, barrier], 0), 256).words[0], 0);
});

Deno.test("a copy that is not waited for is a race", () => {
  const missing = [
    [barrier],
    [commit, barrier],
    [commit, `${group} 1`, barrier],
    [`${group} 0`, barrier],
    [commit, `${group} 0`],
    [commit, barrier, `${group} 0`],
  ];
  for (const waits of missing) {
    assertThrows(() => run(copied(waits), 256), SharedMemoryRace, undefined, waits.join("; "));
  }
});

Deno.test("memory of the card beyond its end, and words across its grain, are faults", () => {
  const load = (place: number, operation: string) => (text: PtxText, base: string) => {
    const address = text.into("b64", "add.s64", base, text.into("b64", "cvt.s64.s32", place));
    if (operation.startsWith("ld")) text.into("f32", operation, `[${address}]`);
    else text.add(`${operation} [${address}], ${floatText(1)}`);
  };
  const codeOf = (place: number, operation: string) =>
    assertThrows(() => run(load(place, operation)), CardFault).code;
  for (const operation of ["ld.global.f32", "st.global.f32"]) {
    run(load(4092, operation));
    assertEquals([4096, -4, 2, 4094].map((place) => codeOf(place, operation)), [
      700,
      700,
      716,
      700,
    ]);
  }
  const shared = (text: PtxText) => {
    text.into("f32", "ld.shared.f32", `[${text.into("b32", "mov.u32", "tiles")}+256]`);
  };
  assertEquals(assertThrows(() => run(shared, 256), CardFault).code, 700);
});

Deno.test("what the interpreter does not know stops it with the line", () => {
  const add = (line: string) => (text: PtxText) => {
    text.register("f32");
    text.register("b32");
    text.add(line);
  };
  for (
    const line of [
      "sin.approx.f32 %f0, %f0",
      "add.rn.f32 %f0, %r0, %f0",
      "add.u32 %r0, %r0",
      "cp.async.wait_group -1",
    ]
  ) {
    assertThrows(() => run(add(line)), UnknownPtx, line);
  }
  for (const line of ["add.rn.f32 %f0, %f0, %f7", "bra nowhere", "add.rn.f32 %f0 %f0"]) {
    assertThrows(() => run(add(line)), PtxSyntaxError, undefined, line);
  }
});

Deno.test("barriers and shuffles that some threads miss are errors", () => {
  const missing = (line: (text: PtxText) => void) => (text: PtxText) => {
    const end = text.label();
    const thread = text.special("tid.x");
    text.add(`@${text.into("pred", "setp.ge.u32", thread, 40)} bra ${end}`);
    line(text);
    text.place(end);
    text.add("mov.u32 %r0, 0");
  };
  const shuffle = (text: PtxText) => {
    const value = text.register("f32");
    text.add(`shfl.sync.bfly.b32 ${value}, ${value}, 1, 31, 0xffffffff`);
  };
  assertThrows(() => run(missing((text) => text.add(barrier))), UnknownPtx, "40 of 64");
  assertThrows(() => run(missing(shuffle)), UnknownPtx, "missing");
});

Deno.test("a program that does not end is an error", () => {
  const turn = (text: PtxText) => {
    text.place("again");
    text.add("bra again");
  };
  assertThrows(() => run(turn), Error, "does not end");
});

const bits = new Uint32Array(1);
const view = new Float32Array(bits.buffer);
const floatFrom = (word: number) => {
  bits[0] = word;
  return view[0]!;
};

/** A float as an integer times 2^-149. */
function exact(x: number): bigint {
  view[0] = x;
  const [exponent, mantissa] = [(bits[0]! >>> 23) & 255, bits[0]! & 0x7fffff];
  const whole = exponent === 0
    ? BigInt(mantissa)
    : BigInt(mantissa | 0x800000) << BigInt(exponent - 1);
  return x < 0 || Object.is(x, -0) ? -whole : whole;
}

Deno.test("fma is the float that is nearest to the exact value, the even one of two", () => {
  const u = uniform(seedKey(1), 6 * 20_000);
  for (let i = 0; i < 20_000; i++) {
    // Few bits make ties, near exponents make them matter.
    const number = (j: number) => {
      const mantissa = u[6 * i + j]! < 0.5 ? 0x7fffff : 0x700001;
      const word = (Math.floor(u[6 * i + j + 3]! * 2 ** 32) & mantissa) >>> 0;
      return floatFrom((word | ((118 + (word % 19)) << 23)) >>> 0) * (word & 1 ? -1 : 1);
    };
    const [a, b] = [number(0), number(1)];
    const c = number(2) * (i % 3 === 0 ? 2 ** -24 : i % 3 === 1 ? 2 ** 24 : 1);
    const actual = fusedMultiplyAdd(a, b, c);
    // In units of 2^-298.
    const wanted = exact(a) * exact(b) + (exact(c) << 149n);
    const distance = (x: number) => {
      const gap = (exact(x) << 149n) - wanted;
      return gap < 0n ? -gap : gap;
    };
    view[0] = actual;
    const [word, own] = [bits[0]!, distance(actual)];
    if (actual === 0) continue;
    for (const next of [word + 1, word - 1]) {
      const other = distance(floatFrom(next));
      assert(own < other || (own === other && word % 2 === 0), `${a} * ${b} + ${c}: ${actual}`);
    }
  }
});

Deno.test("rounding to even, cutting off and bf16 are what IEEE 754 says", () => {
  assertEquals([0.5, 1.5, 2.5, -0.5, -1.5, 7.4999, NaN].map(roundToEven), [
    0,
    2,
    2,
    -0,
    -2,
    7,
    NaN,
  ]);
  const above = 1 + 2 ** -23;
  assertEquals([above + 2 ** -24, above - 2 ** -30, -1.5 - 2 ** -50].map(cutOff), [above, 1, -1.5]);
  assertEquals([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -Infinity, NaN].map(toBfloat), [
    0x3f80,
    0x3f80,
    0x3f82,
    0xff80,
    0x7fff,
  ]);
});
