/**
 * HTML as values: what is put into a template is escaped unless it is HTML itself.
 *
 * @module
 */

/** Text that is HTML already. */
export class Html {
  /** Makes it of a text that is trusted. */
  constructor(
    /** The HTML. */
    readonly text: string,
  ) {}
}

/** What a template takes: texts and numbers are escaped, lists joined, nothing is left out. */
export type Fragment = Html | string | number | undefined | readonly Fragment[];

/**
 * A template of HTML, whose parts are escaped for contents and for attributes in quotation marks.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(html`<p title="${'"'}">${["a < ", html`<b>b</b>`]}</p>`.text,
 *   '<p title="&quot;">a &lt; <b>b</b></p>');
 * ```
 */
export function html(parts: TemplateStringsArray, ...values: readonly Fragment[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(rendered)));
}

function rendered(value: Fragment): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.text;
  return typeof value === "object" ? value.map(rendered).join("") : escapeText(`${value}`);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters that HTML does not allow, and halves of surrogate pairs, become U+FFFD. */
function escapeText(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "\uFFFD")
    .replace(/[&<>"']/g, (character) => entities[character]!);
}

/** JSON that may stand in a script element: nothing in it ends the element. */
export function embeddedJson(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll("<", "\\u003c"));
}
