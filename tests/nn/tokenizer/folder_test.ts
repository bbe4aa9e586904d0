import { assert, assertEquals } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { openTokenizer, type TokenizerFiles } from "../../../nn/tokenizer/open.ts";
import type { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";
import type { TruncationStrategy } from "../../../nn/tokenizer/truncation.ts";

type Files = Record<string, unknown>;
type Call = [string, (string | null)?, (number | null)?, TruncationStrategy?];

/** What `golden/make.py` writes: folders as indices into tables. */
interface Golden {
  calls: Call[];
  bases: Record<string, Files>;
  files: Files[];
  results: [number[], number[], string][];
  outcomes: ("error" | { roles: (number | null)[]; results: number[] })[];
  cases: [string, string | null, ...number[]][];
}

const golden: Golden = JSON.parse(
  await Deno.readTextFile(new URL("golden/folders.json", import.meta.url)),
);

/** The files of a folder: those of its base, changed. */
function filesOf(base: string, cls: string | null, changes: Files): TokenizerFiles {
  const files: Files = { ...golden.bases[base], ...changes };
  if (cls !== null) {
    const config = changes["tokenizer_config.json"] as Files | undefined;
    files["tokenizer_config.json"] = { ...config, tokenizer_class: cls };
  }
  if ("tokenizer.json" in changes) {
    const original = golden.bases[base]?.["tokenizer.json"] as Files;
    files["tokenizer.json"] = { ...original, ...(changes["tokenizer.json"] as Files) };
  }
  return Object.fromEntries(Object.entries(files).filter(([, value]) => value !== null));
}

function runCall(tokenizer: Tokenizer, [text, pair, maxLength, strategy]: Call): unknown {
  try {
    const { ids, typeIds } = tokenizer.encode(text, pair ?? undefined, {
      ...maxLength ? { maxLength } : {},
      ...strategy ? { strategy } : {},
    });
    return [ids, typeIds, tokenizer.decode(ids, { skipSpecial: true })];
  } catch (error) {
    if (error instanceof OptionError) return "error";
    throw error;
  }
}

async function runFolder(files: TokenizerFiles): Promise<unknown> {
  try {
    const tokenizer = await openTokenizer(files);
    const roles = [tokenizer.padId, tokenizer.bosId, tokenizer.eosId].map((id) => id ?? null);
    return { roles, results: golden.calls.map((call) => runCall(tokenizer, call)) };
  } catch (error) {
    assert(error instanceof FileError || error instanceof OptionError, String(error));
    return error.message;
  }
}
const report: Record<string, number> = {};
const shown: Record<string, number> = {};
for (const [base, cls, ...pairs] of golden.cases) {
  for (let at = 0; at < pairs.length; at += 2) {
    const changes = golden.files[pairs[at]!]!;
    const outcome = golden.outcomes[pairs[at + 1]!]!;
    const found = await runFolder(filesOf(base, cls, changes));
    const refused = typeof found === "string";
    let kind: string;
    let detail = "";
    if (outcome === "error") kind = refused ? "both err" : "WE ACCEPT";
    else if (refused) { kind = "WE REFUSE"; detail = found as string; }
    else {
      const f = found as { roles: unknown; results: unknown[] };
      const bad = outcome.results.map((r, i) => [i, f.results[i], golden.results[r]]).filter(([, a, b]) => JSON.stringify(a) !== JSON.stringify(b));
      const rolesBad = JSON.stringify(f.roles) !== JSON.stringify(outcome.roles);
      kind = bad.length === 0 && !rolesBad ? "equal" : bad.length === 0 ? "ROLES" : "DIFF";
      if (rolesBad) detail += JSON.stringify([f.roles, outcome.roles]);
      if (bad.length) detail += ` ${bad.length} ` + JSON.stringify(golden.calls[bad[0]![0] as number]) + JSON.stringify(bad[0]!.slice(1));
    }
    report[kind] = (report[kind] ?? 0) + 1;
    const group = kind + base.split("-")[0]+ (detail.match(/as "?[\w.]+/)?.[0] ?? "");
    if (kind !== "equal" && kind !== "both err" && (shown[group] = (shown[group] ?? 0) + 1) <= Number(Deno.env.get("SHOW") ?? 3)) {
      console.log(kind, base, cls, JSON.stringify(changes).slice(0, 200), detail.slice(0, 330));
    }
  }
}
console.log(report);
