/** Opens a page of tables in Chromium, wide and narrow, light and dark, and prints what was found. */

import { chromium, type Page } from "playwright-core";

/** What a visit found. */
export interface TablesVisit {
  /** Width of the window, and theme. */
  readonly view: string;
  /** Errors and warnings of the page. */
  readonly complaints: readonly string[];
  /** Addresses that the page asked for, its own file left out. */
  readonly requests: readonly string[];
  /** Whether the page is wider than the window. */
  readonly overflows: boolean;
  /** Texts of figures that leave them, or lie over another text. */
  readonly misplaced: readonly string[];
  /** Words of cells that go on in another line. */
  readonly broken: readonly string[];
  /** Least height of a text of a figure, in pixels. */
  readonly smallest: number;
  /** Colours of the page, of text and of the first line of a figure. */
  readonly colours: readonly string[];
  /** Figures, tables, and headings of sections. */
  readonly counts: readonly number[];
}

const misplaced = `[...document.querySelectorAll("svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map((text) => {
    return { words: text.textContent, box: text.getBoundingClientRect() };
  });
  const out = texts.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1 ||
    box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(({ words }) => "out: " + words);
  const over = texts.flatMap((a, i) => texts.slice(i + 1).filter(({ box }) =>
    a.box.left < box.right - 1 && box.left < a.box.right - 1 &&
    a.box.top < box.bottom - 3 && box.top < a.box.bottom - 3)
    .map(({ words }) => "over: " + a.words + " / " + words));
  return [...out, ...over];
})`;

const broken = `[...document.querySelectorAll("td, tbody th")].flatMap((cell) => {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const words = [];
  while (walker.nextNode()) {
    for (const { 0: word, index } of walker.currentNode.data.matchAll(/\\w+/g)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, index);
      range.setEnd(walker.currentNode, index + word.length);
      const lines = new Set([...range.getClientRects()].filter(({ width }) => width > 0).map(({ top }) => top));
      if (lines.size > 1) words.push(word);
    }
  }
  return words;
})`;

async function visit(page: Page, url: string, view: string): Promise<TablesVisit> {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  const ask = <T>(expression: string) => page.evaluate<T>(expression);
  return {
    view,
    complaints,
    requests: requests.filter((one) => one !== url),
    overflows: await ask("document.documentElement.scrollWidth > innerWidth"),
    misplaced: await ask(misplaced),
    broken: await ask(broken),
    smallest: await ask(
      `Math.min(...[...document.querySelectorAll("svg text:not([transform])")]
        .map((text) => text.getBoundingClientRect().height))`,
    ),
    colours: await ask(`[getComputedStyle(document.documentElement).backgroundColor,
      getComputedStyle(document.body).color,
      getComputedStyle(document.querySelector("svg path.line")).stroke]`),
    counts: await ask(
      `["figure svg", "table", "h2"].map((name) => document.querySelectorAll(name).length)`,
    ),
  };
}

if (import.meta.main) {
  const [executablePath, url] = Deno.args as [string, string];
  const flags = ["--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run"];
  const browser = await chromium.launch({ executablePath, args: flags });
  const visits: TablesVisit[] = [];
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
      visits.push(await visit(page, url, `${width} ${colorScheme}`));
      await page.close();
    }
  }
  await browser.close();
  console.log(JSON.stringify(visits));
}
