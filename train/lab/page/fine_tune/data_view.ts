/**
 * What is learned: the demonstration's pairs, or a table that is pasted or chosen.
 *
 * @module
 */

import { element } from "../dom.ts";
import type { ChoiceState } from "./choices.ts";
import { radioGroup } from "./controls.ts";
import type { DataChoice } from "./protocol.ts";

/** The choice of data. */
export interface DataView {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  /** What is chosen; undefined where the table is still to be given. */
  choice(): DataChoice | undefined;
  /** Shows what the address says. */
  restore(): void;
}

/** Where the browser keeps a pasted table until its tab is closed. */
const storeName = "hiddenkey-table";

interface Table {
  readonly name: string;
  readonly text: string;
}

function storedTable(): Table {
  try {
    return JSON.parse(sessionStorage.getItem(storeName) ?? "") as Table;
  } catch {
    return { name: "pasted.csv", text: "" };
  }
}

function store(table: Table): void {
  try {
    sessionStorage.setItem(storeName, JSON.stringify(table));
  } catch {
    // A table that is too large is there until the page is left.
  }
}

/** The name that a pasted text gets: its extension says how it is read. */
function nameOf(text: string): string {
  const [first = ""] = text.split("\n", 1);
  if (first.startsWith("{")) return "pasted.jsonl";
  return first.includes("\t") ? "pasted.tsv" : "pasted.csv";
}

/** Characters of a table that are shown to be edited: a browser lays out a long text for seconds. */
const mostShown = 100_000;

const example = "text,label\nWhat a lovely day,good\nIt rained again,bad\n…";

function columnsHint(): HTMLElement {
  return element(
    "p",
    { class: "hint" },
    "The first line names the columns: ",
    element("code", {}, "text,label"),
    " or, for pairs, ",
    element("code", {}, "text_a,text_b,label"),
    ". Labels are words or numbers. A fifth of the rows is held back to judge by.",
  );
}

/** Makes the choice; `onChange` is called when other data are chosen. */
export function dataView(state: ChoiceState, onChange: () => void): DataView {
  let table = storedTable();
  const pasted = element("textarea", { rows: 6, placeholder: example, spellcheck: "false" });
  const kept = element("p", { class: "hint" });
  const show = () => {
    const isShown = table.text.length <= mostShown;
    pasted.value = isShown ? table.text : "";
    const megabytes = (table.text.length / 1e6).toFixed(1);
    kept.textContent = isShown ? "" : `${table.name} is chosen; ${megabytes} MB are not shown.`;
  };
  const change = (changed: Table) => {
    table = changed;
    store(table);
    onChange();
  };
  show();
  pasted.addEventListener("input", () => {
    kept.textContent = "";
    change({ name: nameOf(pasted.value), text: pasted.value });
  });
  const file = element("input", { type: "file", accept: ".csv,.tsv,.jsonl,.ndjson" });
  file.addEventListener("change", async () => {
    const [chosen] = file.files ?? [];
    if (chosen === undefined) return;
    change({ name: chosen.name, text: await chosen.text() });
    show();
  });
  const group = radioGroup("Data", [
    { value: "demo", label: "The demonstration's pairs, of which every fourth label is wrong" },
    {
      value: "own",
      label: "A table of your own",
      body: element(
        "div",
        { class: "body" },
        columnsHint(),
        element("label", { class: "wide" }, "Paste a CSV, TSV or JSON lines table", pasted),
        element("label", { class: "wide" }, "or choose its file", file),
        kept,
      ),
    },
  ], (value) => {
    state.set("data", value);
    onChange();
  });
  return {
    root: group.root,
    choice() {
      if (state.get("data") === "demo") return { kind: "demo" };
      return table.text.trim() === "" ? undefined : { kind: "table", ...table };
    },
    restore: () => group.choose(state.get("data")),
  };
}
