import { assertEquals } from "@std/assert";
import {
  readStarts,
  type RunStart,
  secondsBefore,
  startsFile,
} from "../../../train/sweep/starts.ts";

const start = (step: number): RunStart => ({ at: "", pid: 1, goesOn: step > 0, step });
const line = (step: number, seconds: number) => ({ step, loss: 1, seconds });

Deno.test("the seconds of earlier processes are those of their last steps that were kept", () => {
  assertEquals(secondsBefore([], [start(0)]), 0);
  assertEquals(secondsBefore([line(1, 5), line(2, 9)], [start(0)]), 0);
  // The second process needs longer for its first step than the first one ran: no clock goes back.
  const lines = [line(1, 5), line(2, 7), line(3, 9), { step: 3, eval_accuracy: 1 }, line(4, 2)];
  assertEquals(secondsBefore(lines, [start(0), start(1), start(3)]), 5 + 9);
  // One that made no step that was kept, and one that went back to an earlier checkpoint.
  assertEquals(secondsBefore(lines, [start(0), start(1), start(1), start(3)]), 5 + 9);
  assertEquals(secondsBefore(lines, [start(0), start(3), start(1)]), 5);
  // A run that failed before and began anew.
  assertEquals(secondsBefore(lines, [start(0), start(2), start(0)]), 0);
});

Deno.test("a line of starts that is torn is left out", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assertEquals(await readStarts(folder, "a"), []);
    await Deno.mkdir(`${folder}/runs/a`, { recursive: true });
    const text = `${JSON.stringify(start(0))}\n{"at":"2026${JSON.stringify(start(2))}\n[1]\n`;
    await Deno.writeTextFile(startsFile(folder, "a"), `${text}${JSON.stringify(start(4))}\n{"a`);
    assertEquals(await readStarts(folder, "a"), [start(0), start(4)]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
