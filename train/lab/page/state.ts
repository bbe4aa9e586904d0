/**
 * The state of all sections in one address: `#attention?logits=1,2,0.5&rate=0.3;noise?seed=7`. The
 * first section is the one that is shown. What is unknown or malformed counts as not said.
 *
 * @module
 */

import type { Field } from "./fields.ts";

/** The values of a section, by their names in the address. */
// deno-lint-ignore no-explicit-any
export type Fields = Readonly<Record<string, Field<any>>>;

/** What a field holds. */
export type FieldValue<F> = F extends Field<infer T> ? T : never;

/** A section's values, which the address keeps: a link restores them. */
export interface SectionState<F extends Fields> {
  /** The value, or its default. */
  get<K extends keyof F>(key: K): FieldValue<F[K]>;
  /** Changes a value, and with it the address; no listener is told. One out of bounds is refused. */
  set<K extends keyof F>(key: K, value: FieldValue<F[K]>): void;
  /** Calls back when a link, or going back, has changed values: everything is to be drawn anew. */
  onRestore(listener: () => void): void;
}

/** Texts by section and field, without those of defaults; sections in the order of the address. */
export type Said = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What an address says. */
export function parseAddress(hash: string): Said {
  const said = new Map<string, Map<string, string>>();
  for (const part of hash.replace(/^#/, "").split(";")) {
    const [id = "", query = ""] = part.split(/\?(.*)/s);
    if (id === "" || said.has(id)) continue;
    said.set(id, new Map(new URLSearchParams(query)));
  }
  return said;
}

/** The address that says it; sections that say nothing are left out, but for the first. */
export function formatAddress(said: Said): string {
  const parts = [...said].filter(([, texts], i) => i === 0 || texts.size > 0)
    .map(([id, texts]) => {
      const query = [...texts].map(([key, text]) => `${key}=${escape(text)}`).join("&");
      return query === "" ? id : `${id}?${query}`;
    });
  return parts.length === 0 ? "" : `#${parts.join(";")}`;
}

/** Commas stay readable; whatever would end a value is written by its code. */
function escape(text: string): string {
  return encodeURIComponent(text).replaceAll("%2C", ",");
}

/** Where the state is kept: the window's address. */
export interface AddressBar {
  /** The address from `#` on, or nothing. */
  read(): string;
  /** Replaces it, without a step back. */
  replace(hash: string): void;
}

/** The state of all sections of a page. */
export class PageState {
  #said: Map<string, Map<string, string>> = new Map();
  readonly #listeners: (() => void)[] = [];

  /** Takes what the address says. */
  constructor(readonly bar: AddressBar) {
    this.#take(parseAddress(bar.read()));
  }

  /** The section that the address names first, if any. */
  get first(): string | undefined {
    return this.#said.keys().next().value;
  }

  /** Follows the address after a link: one that only names a section leaves all values as they are. */
  follow(): void {
    const hash = this.bar.read();
    if (hash.includes("?")) {
      this.#take(parseAddress(hash));
      for (const listener of this.#listeners) listener();
      return;
    }
    const [id] = parseAddress(hash).keys();
    if (id === undefined) return;
    this.#lead(id);
    this.bar.replace(formatAddress(this.#said));
  }

  /** The values of one section. */
  of<F extends Fields>(
    { id, fields }: { readonly id: string; readonly fields: F },
  ): SectionState<F> {
    return {
      get: (key) => {
        const text = this.#said.get(id)?.get(String(key));
        const field = fields[key]!;
        return (text === undefined ? undefined : field.read(text)) ?? field.default;
      },
      set: (key, value) => {
        const field = fields[key]!;
        const text = field.write(value);
        if (field.read(text) === undefined) return;
        const texts = this.#lead(id);
        if (text === field.write(field.default)) texts.delete(String(key));
        else texts.set(String(key), text);
        this.bar.replace(formatAddress(this.#said));
      },
      onRestore: (listener) => void this.#listeners.push(listener),
    };
  }

  #take(said: Said): void {
    this.#said = new Map([...said].map(([id, texts]) => [id, new Map(texts)]));
  }

  /** Puts a section first. */
  #lead(id: string): Map<string, string> {
    const texts = this.#said.get(id) ?? new Map<string, string>();
    this.#said.delete(id);
    this.#said = new Map([[id, texts], ...this.#said]);
    return texts;
  }
}
