// Functions whose work is captured are queued again without being computed, and only where that is
// the same.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Captures } from "../../core/capture.ts";
import { IndexError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { sum } from "../../core/ops/reduce.ts";
import { slice } from "../../core/ops/slice.ts";
import { contiguous, reshape, transpose } from "../../core/ops/view.ts";
import { copyWordProgram } from "../../core/program.ts";
import { foldKey, type Key, seedKey, uniform } from "../../core/random.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { dropHidden } from "../../nn/dropout/drop_hidden.ts";
import {
  course,
  type CourseCase as Case,
  courseSizes,
  type CourseStep as Step,
} from "../support/captured_course.ts";
import { capturingTest } from "../support/capturing_devices.ts";
import { withDevice } from "../support/with_device.ts";

const { count, width, height } = courseSizes;
const rate = 0.4;

/** Drops by a key folded from the step's, adds rows of a table, and sums. */
const dropping: Case = ({ step, x, rows, examples, lengths, weight }) => {
  const site = { position: "output", structure: "element", rate, layers: "all" } as const;
  const key: Key = foldKey(foldKey(seedKey(100 + step), "a path"), 3);
  const plan = { sites: [site], compensation: { kind: "none", weight: 0, branches: 1 } } as const;
  const dropout = { plan, key, examples, lengths };
  return { result: sum(add(dropHidden(x, { site, key, dropout }), gather(weight, rows)), 1) };
};

/** The same on a device that captures nothing. */
async function expected(run: Case, steps: number, firstKey = 0): Promise<number[]> {
  let sums: number[] = [];
  await withDevice("f32", async (device) => {
    sums = (await course(device, run, steps, { firstKey })).sums;
  });
  return sums;
}

function assertClose(actual: readonly number[], wanted: readonly number[]): void {
  assertEquals(actual.length, wanted.length);
  actual.forEach((x, i) => assert(Math.abs(x - wanted[i]!) < 1e-5, `${i}: ${x} for ${wanted[i]}`));
}

capturingTest(
  "work is computed three times, then queued again over other inputs and by other keys",
  async (on) => {
    const wanted = await expected(dropping, 8);
    await on(async (device, backend) => {
      const runs: number[] = [];
      const before = () => void runs.push(backend.statistics.runs);
      const { computed, sums } = await course(device, dropping, 8, { before });
      assertEquals(computed, [0, 1, 2]);
      assertClose(sums, wanted);
      const each = runs.slice(1).map((count, i) => count - runs[i]!);
      assert(each[0]! > 2 && each.every((count) => count === each[0]), "programs are counted");
    });
  },
);

const always = Array.from({ length: 8 }, (_, i) => i);

const never: Readonly<Record<string, Case>> = {
  "a number changes that is no key": ({ step, x }) => ({ result: sum(scale(x, step + 1), 1) }),
  "a number alternates": ({ step, x }) => ({
    result: sum(scale(x, step % 2), 1),
  }),
  "other rows of a weight are read": ({ step, x, weight }) => ({
    result: sum(add(x, slice(weight, 0, step % 2 * 4, step % 2 * 4 + 1)), 1),
  }),
  "the host writes": ({ device, step, x }) => ({
    result: sum(add(x, tensor(device, [step], [1, 1])), 1),
  }),
  "words of the host are copied": ({ rows, weight }) => ({
    result: sum(gather(weight, reshape(contiguous(transpose(reshape(rows, [2, 2]))), [count])), 1),
  }),
  "numbers are drawn by the key that was given": (made) => {
    const site = { position: "output", structure: "element", rate, layers: "all" } as const;
    const key = seedKey(100 + made.step);
    const plan = { sites: [site], compensation: { kind: "none", weight: 0, branches: 1 } } as const;
    const { examples, lengths } = made;
    const dropped = dropHidden(made.x, { site, key, dropout: { plan, key, examples, lengths } });
    return { result: sum(dropped, 1) };
  },
};

for (const [name, run] of Object.entries(never)) {
  capturingTest(`work is always computed where ${name}`, async (on) => {
    const wanted = await expected(run, 8);
    await on(async (device) => {
      const { computed, sums } = await course(device, run, 8);
      assertEquals(computed, always);
      assertClose(sums, wanted);
    });
  });
}

capturingTest(
  "a number that is told of is the step's own, once two captures had others",
  async (on) => {
    const courses: readonly (readonly [(step: number) => number, number[]])[] = [
      [(step) => (step + 1) / 8, [0, 1, 2]],
      // Of one that two captures share it cannot be told which scalars it is.
      [(step) => step < 4 ? 0.25 : step / 8, [0, 1, 2, 4]],
      [() => 0.25, [0, 1, 2]],
    ];
    for (const [number, wanted] of courses) {
      const run: Case = ({ step, x }) => ({
        result: sum(scale(scale(x, number(step)), 0.25), 1),
      });
      const plain = await expected(run, 8);
      await on(async (device) => {
        const { computed, sums } = await course(device, run, 8, { number });
        assertEquals(computed, wanted);
        assertClose(sums, plain);
      });
    }
  },
);

capturingTest(
  "work is computed again where what it reads beside its inputs is not what it was",
  async (on) => {
    await on(async (device) => {
      let isSame = true;
      const { computed } = await course(device, dropping, 8, {
        unchanged: () => isSame,
        before: ({ step }) => isSame = step !== 5,
      });
      assertEquals(computed, [0, 1, 2, 5, 6, 7]);
    });
  },
);

capturingTest("work is computed again where memory that it used was given back", async (on) => {
  await on(async (device) => {
    let extra = tensor(device, [1], [1, 1]);
    const run: Case = ({ x }) => ({ result: sum(add(x, extra), 1) });
    const before = ({ step }: Step) => {
      if (step !== 4) return;
      const next = device.root ?? device;
      extra[Symbol.dispose]();
      extra = tensor(next, [3], [1, 1]);
    };
    const { computed, sums } = await course(device, run, 5, { before });
    assertEquals(computed, [0, 1, 2, 4]);
    const x = uniform(seedKey(4), count * width).map(Math.fround);
    assertClose(sums.slice(-count, -count + 1), [x.slice(0, width).reduce((a, b) => a + b + 3, 0)]);
  });
});

capturingTest("words of others come again until a program writes them", async (on) => {
  await on(async (device) => {
    const places = tensor(device, [3, 1, 0, 2], [count], "u32");
    const run: Case = ({ x, weight }) => ({ result: sum(add(x, gather(weight, places)), 1) });
    const before = ({ step }: Step) => {
      if (step !== 5) return;
      using other = tensor(device, [1, 1, 4, 0], [count], "u32");
      update(copyWordProgram, [places], [other]);
    };
    const { computed, sums } = await course(device, run, 8, { before });
    assertEquals(computed, [0, 1, 2, 5, 6, 7]);
    const plain = await expected(
      ({ device, step, x, weight }) => {
        const words = step < 5 ? [3, 1, 0, 2] : [1, 1, 4, 0];
        const rows = tensor(device, words, [count], "u32");
        return { result: sum(add(x, gather(weight, rows)), 1) };
      },
      8,
    );
    assertClose(sums, plain);
  });
});

capturingTest("rows beyond a table are refused as if they were computed", async (on) => {
  await on(async (device) => {
    const before = (made: Step) => {
      if (made.step === 4) made.rows.value.storage.words![2] = height;
    };
    await assertRejects(
      () => course(device, dropping, 5, { before }),
      IndexError,
      "rows requires 0 to 4",
    );
  });
});

capturingTest("work inside of a gradient is computed", async (on) => {
  await on((device) => {
    const captures = new Captures();
    const x = tensor(device, [1, 2, 3]);
    let computed = 0;
    for (let i = 0; i < 6; i++) {
      gradient(() => {
        const { y } = captures.run(
          device,
          { signature: "", inputs: [x], key: [0, 0], unchanged: () => () => true },
          () => {
            computed++;
            return { y: sum(scale(x, 2)) };
          },
        );
        return y!;
      }, [x]);
    }
    assertEquals(computed, 6);
  });
});

capturingTest(
  "numbers drawn by a key that was given twice are computed when it is another one",
  async (on) => {
    const run = never["numbers are drawn by the key that was given"]!;
    const wanted = await expected((made) => run({ ...made, step: Math.max(3, made.step) }), 8, 3);
    await on(async (device) => {
      const late: Case = (made) => run({ ...made, step: Math.max(3, made.step) });
      const { computed, sums } = await course(device, late, 8, { firstKey: 3 });
      assertEquals(computed, always);
      assertClose(sums, wanted);
    });
  },
);

capturingTest(
  "inputs of another device are refused, and those of another handle keep it",
  async (on) => {
    await withDevice("f32", async (cpu) => {
      await on((device) => {
        const captures = new Captures();
        const weight = tensor(device, [1, 2]);
        const run = (x: Tensor) =>
          captures.run(
            device,
            { signature: "", inputs: [x], key: [0, 0], unchanged: () => () => true },
            () => ({ y: add(x, weight) }),
          ).y!;
        for (let i = 0; i < 5; i++) run(tensor(device, [3, 4]));
        assertThrows(() => run(tensor(cpu, [3, 4])), TypeError, "share a device");
        const fork = device.fork();
        using _scope = fork.scope("fork");
        assertEquals(run(tensor(fork, [3, 4])).device, fork);
      });
      await Promise.resolve();
    });
  },
);

capturingTest("a function that fails is not captured, and the next one is", async (on) => {
  await on(async (device) => {
    const failing: Case = (made) => {
      if (made.step === 1) throw new RangeError("on purpose");
      return dropping(made);
    };
    const captures = new Captures();
    using _scope = device.scope("failing");
    const x = tensor(device, [1, 2]);
    const captured = {
      signature: "",
      inputs: [x],
      key: [1, 2],
      unchanged: () => () => true,
    } as const;
    const double = () => ({ y: scale(x, 2) });
    captures.run(device, captured, double);
    assertThrows(
      () => captures.run(device, captured, () => failing({ step: 1 } as Step)),
      RangeError,
    );
    for (let i = 0; i < 4; i++) {
      using _step = device.scope("step");
      assertEquals([...await captures.run(device, captured, double).y!.read()], [2, 4]);
    }
  });
});
