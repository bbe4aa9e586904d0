/**
 * Which model is trained: the demonstration's, a folder, or one of the hub.
 *
 * @module
 */

import { tokenizerFiles } from "../../../../nn/tokenizer/file_names.ts";
import { grammarWords } from "../../../data/grammar_clauses.ts";
import { element } from "../dom.ts";
import type { ChoiceState } from "./choices.ts";
import { Client } from "./client.ts";
import { radioGroup, statusLine } from "./controls.ts";
import type { ModelChoice } from "./protocol.ts";
import { fetchingText } from "./runs.ts";

/** The choice of a model. */
export interface ModelView {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  /** What is chosen; undefined where a name is still to be given. */
  choice(): ModelChoice | undefined;
  /** Shows what the address says. */
  restore(): void;
}

const isNeeded = ({ name }: File) =>
  name.endsWith(".safetensors") || name === "model.safetensors.index.json" ||
  tokenizerFiles.some((one) => one === name);

/** Files of a folder that was dropped, itself without those below it. */
async function filesOf(entry: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = entry.createReader();
  const files: File[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (some.length === 0) return files;
    for (const one of some.filter(({ isFile }) => isFile)) {
      files.push(
        await new Promise((resolve, reject) => (one as FileSystemFileEntry).file(resolve, reject)),
      );
    }
  }
}

/** The input and the place to drop a folder, which call back with its name and files. */
function folderInput(onFiles: (name: string, files: readonly File[]) => void): HTMLElement {
  const input = element("input", { type: "file", webkitdirectory: true });
  input.addEventListener("change", () => {
    const files = [...input.files ?? []];
    const pathOf = (file: File) => file.webkitRelativePath.split("/");
    const [name = "model"] = files[0] === undefined ? [] : pathOf(files[0]);
    // Folders inside the folder are other models, or none; their files may come first.
    onFiles(name, files.filter((file) => pathOf(file).length === 2));
  });
  const label = element(
    "label",
    { class: "drop" },
    "Choose a model's folder, or drop it here",
    input,
  );
  label.addEventListener("dragover", (event) => event.preventDefault());
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    const [item] = event.dataTransfer?.items ?? [];
    const entry = item?.webkitGetAsEntry();
    if (!entry?.isDirectory) return onFiles(entry?.name ?? "what was dropped", []);
    void filesOf(entry as FileSystemDirectoryEntry).then((files) => onFiles(entry.name, files));
  });
  return label;
}

/** The choice of a folder, whose files are put into the browser's storage. */
function folderView(onKept: (name: string) => void) {
  const status = statusLine();
  const keep = async (name: string, files: readonly File[]) => {
    const needed = files.filter(isNeeded);
    if (needed.length === 0) {
      const required = "config.json, safetensors and tokenizer files are required";
      return status.say(`${name}: Cannot open model as ${required}: found none of them`, true);
    }
    const client = new Client();
    const reply = await client.ask({ kind: "keep", name, files: needed }, (news) => {
      if (news.kind === "fetching") status.say(fetchingText(news));
    });
    client.close();
    if (reply.kind === "failed") return status.say(reply.message, true);
    status.say(`${needed.length} files of ${name} are kept in this browser.`);
    onKept(name);
  };
  const input = folderInput((name, files) => void keep(name, files));
  return { root: element("div", { class: "body" }, input, status.root), say: status.say };
}

/** The name of a repository, which is fetched when it is whole. */
function hubView(onName: (name: string) => void) {
  const input = element("input", { type: "text", placeholder: "org/name", spellcheck: "false" });
  const root = element(
    "form",
    { class: "body controls" },
    element("label", {}, "Repository", input),
    element("button", { type: "submit" }, "Fetch"),
  );
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    onName(input.value.trim());
  });
  return { root, input };
}

/** Makes the choice; `onChange` is called when another model is chosen and ready to be read. */
export function modelView(state: ChoiceState, onChange: () => void): ModelView {
  const folder = folderView((name) => {
    state.set("folder", name);
    onChange();
  });
  // A link names a repository; that it is fetched is for who presses the button.
  let fetched: string | undefined;
  const hub = hubView((name) => {
    state.set("hub", name);
    fetched = name;
    onChange();
  });
  const demo = `The demonstration: a tiny model that knows ${grammarWords.length} words`;
  const group = radioGroup("Model", [
    { value: "demo", label: demo },
    { value: "folder", label: "A folder of this machine", body: folder.root },
    { value: "hub", label: "A repository of Hugging Face", body: hub.root },
  ], (value) => {
    state.set("model", value);
    onChange();
  });
  return {
    root: group.root,
    choice() {
      const kind = state.get("model");
      if (kind === "demo") return { kind };
      const name = state.get(kind);
      if (name === "") return undefined;
      return kind === "folder" ? { kind, name } : { kind, name, mayFetch: name === fetched };
    },
    restore() {
      group.choose(state.get("model"));
      hub.input.value = state.get("hub");
      const name = state.get("folder");
      if (name !== "") folder.say(`Chosen: ${name}`);
    },
  };
}
