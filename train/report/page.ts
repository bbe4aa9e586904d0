/**
 * The frame of a page: one file that opens from a disk, loads nothing, and runs nothing but its own
 * scripts.
 *
 * @module
 */

import { type Fragment, Html, html } from "./html.ts";
import { themeRules } from "./palette.ts";
import pageStyle from "./page.css" with { type: "text" };

/** What a page is made from. */
export interface PageParts {
  /** What it is called. */
  readonly title: string;
  /** A line below the title. */
  readonly subtitle: string;
  /** What the link that skips the head leads to: `figures`. */
  readonly skipTo: string;
  /** Sections by their identifiers, for the links at the top. */
  readonly sections: readonly (readonly [id: string, name: string])[];
  /** The sections. */
  readonly main: Fragment;
  /** A line at the end. */
  readonly footer: string;
  /** Style sheets: before the page's own, and after the themes. */
  readonly styles: { readonly before?: string; readonly rules: string };
  /** Scripts, the last of which is a module; the page has a button for its theme where there are any. */
  readonly scripts: readonly string[];
}

/** The page, from its `html` element on. */
export async function pageHtml(parts: PageParts): Promise<Html> {
  const { title, subtitle, skipTo, sections, main, footer, styles, scripts } = parts;
  const style = `${styles.before ?? ""}${themeRules()}${styles.rules}${pageStyle}`;
  const policy = [
    "default-src 'none'",
    // Nothing runs but these texts, whatever else finds its way into the page.
    `script-src ${(await Promise.all(scripts.map(digest))).join(" ") || "'none'"}`,
    "style-src 'unsafe-inline'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title} · HiddenKey</title>
        <style>${new Html(style)}</style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the ${skipTo}</a>
        <header><div class="top"><div><h1>${title}</h1><p class="small">${subtitle}</p></div>
        ${scripts.length === 0 ? undefined : themeButton}</div>
        <nav aria-label="Sections"><ul>${sections.map(([id, name]) =>
          html`<li><a href="#${id}">${name}</a></li>`
        )}</ul></nav></header>
        <main id="main" tabindex="-1">
        ${main}
        </main>
        <footer>${footer}</footer>
        ${scripts.map((script, i) =>
          new Html(
            `<script${i === scripts.length - 1 ? ' type="module"' : ""}>${script}</script>\n`,
          )
        )}</body>
    </html>
  `;
}

const themeButton = new Html('<button type="button" id="theme" hidden>Dark theme</button>');

/** A script's hash as the policy of a page takes it. */
async function digest(script: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  return `'sha256-${new Uint8Array(hash).toBase64()}'`;
}
