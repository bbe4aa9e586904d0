// This library's CPU backend beside its peers, all in one run; prints Markdown.
// HIDDENKEY_PYTHON=python deno task bench peers > bench/results/cpu.md
import { cpus, loadavg } from "node:os";
import { type Command, command } from "../train/commands/command.ts";
import { type Answers, type Case, compete, type Entry, fastest } from "./peers/contender.ts";
import { productTables, rowwiseTable, stepTable } from "./peers/tables.ts";
import { cpuShapes } from "./product.ts";

function ours(name: string, threads: number, blas: string): Entry {
  const flags = ["--backend", "cpu", "--threads", String(threads), "--blas", blas];
  return { name, file: "ours.ts", arguments: flags, threads };
}

const here: readonly Entry[] = [
  ours("ours 1", 1, "off"),
  ours("ours 2", 2, "off"),
  ours("BLAS 1", 1, "auto"),
  ours("BLAS 2", 2, "auto"),
];
const peaks = [1, 2].map((threads): Entry => ({
  name: `peak ${threads}`,
  file: "peak.ts",
  arguments: [String(threads)],
  threads,
}));
const web: readonly Entry[] = [
  { name: "tfjs", file: "tfjs.ts", arguments: [], threads: 1 },
  { name: "onnxruntime", file: "onnxruntime.ts", arguments: [], threads: 1 },
  { name: "jax-js 1", file: "jax_js.ts", arguments: ["1"], threads: 1 },
  { name: "jax-js 2", file: "jax_js.ts", arguments: ["2"], threads: 2 },
];
const native = (name: string, threads: number, file: string, ...given: string[]): Entry => ({
  name: `${name} ${threads}`,
  file,
  arguments: given,
  threads,
});
const natives = [1, 2].flatMap((threads) => [
  native("NumPy", threads, "native.py", "numpy"),
  native("PyTorch", threads, "native.py", "torch"),
]);

const rowwise: readonly (readonly [string, readonly number[]])[] = [
  ["softmax 6144 x 512", [6144, 512]],
  ["layer norm 4096 x 768", [4096, 768]],
  ["gelu 512 x 3072", [512, 3072]],
  ["adamw 1048576", [2 ** 20]],
];

/** Asks contenders for cases, by a way that is given. */
type Ask = (entries: readonly Entry[], cases: readonly Case[]) => Promise<Answers[]>;

const sections = {
  async product(ask: Ask, rounds: number): Promise<string> {
    const cases = cpuShapes.map((sizes) => (
      { name: `product ${sizes.join(" x ")}`, sizes, budget: 100, rounds }
    ));
    const entries = [...peaks, ...here, ...web, ...natives];
    return productTables(cases, await ask(entries, cases));
  },
  async rowwise(ask: Ask, rounds: number): Promise<string> {
    const cases = rowwise.map(([name, sizes]) => ({ name, sizes, budget: 50, rounds }));
    const entries = [here[0]!, ...web.slice(0, 3), natives[1]!];
    return rowwiseTable(cases, await ask(entries, cases));
  },
  async step(ask: Ask): Promise<string> {
    const peers = [1, 2].map((threads) =>
      native("PyTorch", threads, "lora_step.py", "minilm", "16", "64", "fp32", "cpu", "serve")
    );
    const entries = [here[0]!, here[2]!, peers[0]!, here[1]!, here[3]!, peers[1]!];
    const question = { name: "step", sizes: [16, 64], budget: 2000, rounds: 5 };
    const [answers] = await ask(entries, [question]) as [Answers];
    return stepTable(answers);
  },
} as const;

/** Measures everything, or the section of `--only`. */
export const peersBench: Command = command({
  summary: "Measure the CPU backend beside its peers, all in one run; prints Markdown",
  usage: "  HIDDENKEY_PYTHON=python deno task bench peers > bench/results/cpu.md",
  verb: "measure",
  options: {
    only: {
      kind: "choice",
      choices: Object.keys(sections) as (keyof typeof sections)[],
      help: "the one section to measure",
      defaultText: "all",
    },
    rounds: { kind: "integer", help: "rounds that count", min: 1, default: 11 },
    best: { kind: "switch", help: "print figures of each contender's fastest round" },
  },
  async run({ only, rounds, best }) {
    const python = Deno.env.get("HIDDENKEY_PYTHON") ?? "python3";
    const ask: Ask = async (entries, cases) => {
      const answers = await compete(entries, cases, python);
      return best ? answers.map(fastest) : answers;
    };
    console.log(heading());
    for (const [name, section] of Object.entries(sections)) {
      if ((only ?? name) === name) console.log(`\n${await section(ask, rounds)}`);
    }
  },
});

function heading(): string {
  const processor = cpus()[0]?.model ?? "unknown processor";
  const date = new Date().toISOString().slice(0, 10);
  return `# CPU: ${processor}, ${cpus().length} cores

\`deno task bench peers\`, ${date}, Deno ${Deno.version.deno}, load average
${
    loadavg()[0]!.toFixed(2)
  } when the run began: where a peak is below that of other rows, something else ran.
Contenders are processes of their own, asked in turn, round by round; figures are medians of the
rounds, ratios medians of the rounds' ratios (with \`--best\`, those of each contender's fastest
round), and \`(no)\` marks a ratio that misses its bar. A number after a name counts threads; BLAS
is this library with the system's OpenBLAS for products.`;
}
