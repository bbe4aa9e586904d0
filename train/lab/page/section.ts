/**
 * What each part of the page is, so that the page knows nothing else of it.
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
  /** Changes a value, and with it the address; no listener is told. */
  set<K extends keyof F>(key: K, value: FieldValue<F[K]>): void;
  /** Calls back when a link, or going back, has changed values: everything is to be drawn anew. */
  onRestore(listener: () => void): void;
}

/** A part of the page. */
export interface PageSection<F extends Fields = Fields> {
  /** Its name in addresses, and the id of its element. */
  readonly id: string;
  /** Its heading. */
  readonly title: string;
  /** What it keeps in the address. */
  readonly fields: F;
  /** Fills its element, which stands in the page, below the heading. */
  mount(root: HTMLElement, state: SectionState<F>): void;
}
