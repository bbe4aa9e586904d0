import { assertEquals, assertLess, assertMatch } from "@std/assert";
import type { FaultsVisit } from "../../../browser/fine_tune_faults_visit.ts";
import { findProgram, outputOf } from "../../../support/programs.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
const chromium = findProgram("chromium");
const needsChromium = chromium === undefined ? " (needs chromium)" : "";

let found: FaultsVisit;

Deno.test.beforeAll(async () => {
  if (chromium === undefined) return;
  // Playwright reads below /proc, which Deno grants with all permissions alone.
  const lock = `--lock=${here("../../../../deno.dev.lock")}`;
  const script = here("../../../browser/fine_tune_faults_visit.ts");
  const args = ["run", "--allow-all", "--frozen", lock, script, chromium];
  found = JSON.parse(await outputOf("deno", args, here("../../../.."))) as FaultsVisit;
});

/** Registers a test of what the visit found. */
function pageTest(name: string, check: () => void): void {
  Deno.test({ name: name + needsChromium, ignore: chromium === undefined, fn: check });
}

pageTest("whatever is done to it, the page has no complaint and asks no other host", () => {
  assertEquals([found.complaints, found.requests], [[], []]);
});

pageTest("runs that are stopped before they are open go on to their end", () => {
  assertEquals(found.stoppedAtOnce.length, 2);
  for (const row of found.stoppedAtOnce) {
    assertMatch(row, /^(?:hiddenkey|lora)\s+1\.0, done\s+0\.\d{3}/);
  }
});

pageTest(
  "runs that are trained anew have no answers of the earlier ones, and can be taken home",
  () => {
    assertEquals(found.anew, { answers: [1, 0], file: "lora.zip" });
  },
);

pageTest("a number between two steps counts, one out of bounds is refused in words", () => {
  const [between, beyond, none] = found.typed;
  assertEquals(between![1], "#fine-tune?methods=lora&rate=0.33");
  assertMatch(between![2], /^256 examples/);
  for (const [, address, said] of [beyond!, none!]) {
    assertEquals(address, between![1]);
    assertEquals(said, "Dropout rate: a number from 0 to 0.9 is required.");
  }
  assertEquals(found.unchosen, "Choose a method.");
});

pageTest("a link that names a repository fetches nothing until someone asks for it", () => {
  assertEquals(
    found.linked,
    "Cannot open org/name as this browser keeps no such repository: press Fetch to ask huggingface.co",
  );
});

pageTest("the axis of passes ends where a run of a few steps ends", () => {
  for (const last of found.lastPasses) assertLess(last, 0.13);
});

pageTest("a long table is read and not shown, and the page answers meanwhile", () => {
  const { said, shown, busy } = found.long;
  assertMatch(said, /^40000 examples to learn, 10000 to judge by: 0, 1\./);
  assertEquals(shown, 0);
  // To lay the table out takes seconds.
  assertLess(busy, 500);
});

pageTest("answers of many classes fit a phone, and axe finds nothing wrong", () => {
  assertEquals(found.classes, { overflows: false, violations: [[], []] });
});

pageTest("curves that hardly differ have labels that are short and whole", () => {
  assertEquals(found.cut, []);
});

pageTest("a part that cannot be computed says so, and the others are there", () => {
  const { alert, headings } = found.withoutWebAssembly;
  assertEquals(
    alert,
    "This part cannot be shown here: Cannot use simd kernels as this engine has none",
  );
  assertEquals(headings.slice(0, 2), ["What is learned", "How it is learned"]);
});

pageTest("files of folders inside a chosen one are left out, wherever they are listed", () => {
  assertEquals(found.innerFirst, "1 files of m are kept in this browser.");
});

pageTest("what a browser lacks is said in one sentence", () => {
  assertEquals(
    found.withoutStorage,
    "Cannot keep models as a browser that gives pages storage (OPFS) is required: found none",
  );
  assertEquals(
    found.withoutGpu,
    "Cannot train on the GPU as WebGPU is required: found none in this browser",
  );
});
