import { assertEquals } from "@std/assert";
import {
  ascendingField,
  choiceField,
  numberField,
  numbersField,
  subsetField,
} from "../../../train/lab/page/fields.ts";
import { choices } from "../../../train/lab/page/fine_tune/choices.ts";
import { formatAddress, PageState, parseAddress } from "../../../train/lab/page/state.ts";

const row = {
  id: "row",
  fields: {
    rate: numberField(0.3, { min: 0, max: 0.9 }),
    seed: numberField(1, { min: 0, max: 99, whole: true }),
    logits: numbersField([1, 2], { min: -3, max: 4 }),
    dropped: subsetField([1], 8),
    by: choiceField(["hand", "rate"], "hand"),
    rates: ascendingField([0.1, 0.2], { min: 0.01, max: 0.9, fewest: 2, most: 3 }),
  },
} as const;
const other = { id: "other", fields: { word: choiceField(["a b;c?d&e", "x"], "x") } } as const;

/** A page at an address, and the address that it then has. */
function pageAt(hash: string) {
  const bar = {
    hash,
    read: () => bar.hash,
    replace: (next: string) => void (bar.hash = next),
  };
  return { bar, page: new PageState(bar) };
}

/** All values of the section at an address. */
function valuesAt(hash: string): Record<string, unknown> {
  const state = pageAt(hash).page.of(row);
  const names = Object.keys(row.fields) as (keyof typeof row.fields)[];
  return Object.fromEntries(names.map((name) => [name, state.get(name)]));
}

const defaults = {
  rate: 0.3,
  seed: 1,
  logits: [1, 2],
  dropped: [1],
  by: "hand",
  rates: [0.1, 0.2],
};

Deno.test("an address without the section leaves its defaults", () => {
  for (const hash of ["", "#", "#row", "#other?word=x", "#;;?", "#row?"]) {
    assertEquals(valuesAt(hash), defaults, hash);
  }
});

Deno.test("a section's values are read from its own part of the address", () => {
  const hash =
    "#other?rate=0.9;row?rate=0.5&seed=7&logits=-1.5,4&dropped=3,0,3&by=rate&rates=0.2,0.5,0.6";
  assertEquals(valuesAt(hash), {
    ...{ rate: 0.5, seed: 7, logits: [-1.5, 4], dropped: [0, 3], by: "rate" },
    rates: [0.2, 0.5, 0.6],
  });
  assertEquals(valuesAt("#row?dropped="), { ...defaults, dropped: [] });
});

Deno.test("whatever does not fit counts as not said", () => {
  const parts = [
    ...["rate=0.91", "rate=-0.1", "rate=", "rate=x", "rate=NaN", "rate=Infinity", "rate"],
    ...["seed=1.5", "seed=-1", "seed=100", "logits=1", "logits=1,2,3", "logits=1,", "logits=1,5"],
    ...["dropped=8", "dropped=1,", "dropped=-1", "dropped=0.5", "by=Hand", "by=", "by=%E0%A4%A"],
    ...[
      "rates=0.1",
      "rates=0.2,0.1",
      "rates=0.1,0.1",
      "rates=0.1,2",
      "rates=0.1,0.2,0.3,0.4",
      "strange=1",
      "&&=",
      "%",
    ],
  ];
  for (const part of parts) assertEquals(valuesAt(`#row?${part}`), defaults, part);
});

Deno.test("what is set stands in the address, defaults do not, and its section comes first", () => {
  const { bar, page } = pageAt("#other?word=a%20b%3Bc%3Fd%26e");
  const state = page.of(row);
  assertEquals(page.of(other).get("word"), "a b;c?d&e");
  state.set("logits", [0.5, -1]);
  assertEquals(bar.hash, "#row?logits=0.5,-1;other?word=a%20b%3Bc%3Fd%26e");
  state.set("dropped", []);
  state.set("logits", [1, 2]);
  assertEquals(bar.hash, "#row?dropped=;other?word=a%20b%3Bc%3Fd%26e");
  page.of(other).set("word", "x");
  assertEquals(bar.hash, "#other;row?dropped=");
  assertEquals(pageAt(bar.hash).page.of(row).get("dropped"), []);
});

Deno.test("a value that no address could bring back is not set", () => {
  const { bar, page } = pageAt("#row?seed=4");
  const state = page.of(row);
  for (const seed of [100, -1, 1.5, NaN]) state.set("seed", seed);
  state.set("rates", [0.1, 0.2, 0.3, 0.4]);
  assertEquals([bar.hash, state.get("seed"), state.get("rates")], ["#row?seed=4", 4, [0.1, 0.2]]);
});

Deno.test("no method of fine-tuning is one that can be chosen, and more than four are not", () => {
  const state = pageAt("").page.of({ id: "fine-tune", fields: choices });
  state.set("methods", []);
  assertEquals(state.get("methods"), []);
  state.set("methods", ["lora", "dropkey", "dropattention", "hiddencut", "hiddenkey"]);
  assertEquals(state.get("methods"), []);
});

Deno.test("parts that other pages may have said are kept as they are", () => {
  const address = "#row?rate=0.5;unknown?a=1&b=2,3";
  assertEquals(formatAddress(parseAddress(address)), address);
  const { bar, page } = pageAt(address);
  page.of(row).set("seed", 4);
  assertEquals(bar.hash, "#row?rate=0.5&seed=4;unknown?a=1&b=2,3");
});

Deno.test("following a link restores all it says, and tells everyone", () => {
  const { bar, page } = pageAt("#row?rate=0.5");
  let told = 0;
  const state = page.of(row);
  state.onRestore(() => told++);
  bar.hash = "#other?word=x;row?seed=9";
  page.follow();
  assertEquals([told, state.get("rate"), state.get("seed"), page.first], [1, 0.3, 9, "other"]);
});

Deno.test("a link that only names a section shows it and changes no value", () => {
  const { bar, page } = pageAt("#row?rate=0.5");
  let told = 0;
  page.of(row).onRestore(() => told++);
  bar.hash = "#other";
  page.follow();
  assertEquals([told, page.first, bar.hash], [0, "other", "#other;row?rate=0.5"]);
  assertEquals(page.of(row).get("rate"), 0.5);
});
