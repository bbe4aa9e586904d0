/**
 * What each part of the page is, so that the page knows nothing else of it.
 *
 * @module
 */

import type { Fields, SectionState } from "./state.ts";

export type { SectionState } from "./state.ts";

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
