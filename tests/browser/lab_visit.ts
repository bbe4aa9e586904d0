/** Builds the lab, uses it in Chromium by mouse and keyboard, and prints what was found. */

import { axeSource } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildPage } from "../../train/lab/build.ts";
import { servePage } from "../../train/lab/serve.ts";

/** A row of attention as the page shows it. */
export interface RowSeen {
  /** By method: all weights, as the page has them. */
  readonly weights: Readonly<Record<string, string>>;
  /** By method: all derivatives. */
  readonly jacobians: Readonly<Record<string, string>>;
  /** Values of the curve of k. */
  readonly k: string;
  /** Values of the sliders. */
  readonly logits: readonly number[];
  /** Words that are pressed. */
  readonly dropped: readonly string[];
  /** What is said of the drop. */
  readonly said: string;
  /** Derivatives of the chosen cell, in the order of the methods. */
  readonly cell: readonly number[];
  /** The kind of cell that is chosen. */
  readonly kind: string;
  /** The address. */
  readonly hash: string;
}

/** What a visit found. */
export interface LabVisit {
  /** Errors and warnings of all pages. */
  readonly complaints: readonly string[];
  /** Requests that left the page's own server. */
  readonly strangers: readonly string[];
  /** Bytes of all files but the model's, each compressed. */
  readonly compressed: number;
  /** Milliseconds from the start of the navigation to the first figure. */
  readonly ready: number;
  /** Of these, milliseconds in which the page's thread had the processor. */
  readonly busy: number;
  /** Milliseconds from a key that moves a bar until all figures have followed. */
  readonly answered: number;
  /** What axe found, by theme and width. */
  readonly violations: Readonly<Record<string, readonly string[]>>;
  /** Whether something is wider than the window, by width. */
  readonly overflows: readonly boolean[];
  /** Background before and after the button of the theme. */
  readonly themes: readonly string[];
  /** The row after each thing that was done. */
  readonly rows: Readonly<Record<string, RowSeen>>;
  /** Figures of the noise by variant and rate, as the page has them. */
  readonly noise: Readonly<Record<string, string>>;
  /** Longest task of the page's own thread while they were measured, in milliseconds. */
  readonly longest: number;
}

const seeRow = `(() => {
  const all = (selector) => [...document.querySelectorAll("#attention " + selector)];
  const by = (name) => (rows) => Object.fromEntries(rows.map((row) => [row.dataset.method, row.dataset[name]]));
  return {
    weights: by("weights")(all("tr[data-weights]")),
    jacobians: by("jacobian")(all("table.jacobian")),
    k: document.querySelector("[data-k]").dataset.k,
    logits: all("[role=slider]").map((slider) => Number(slider.getAttribute("aria-valuenow"))),
    dropped: all(".word[aria-pressed=true]").map(({ innerText }) => innerText),
    said: all(".said")[0].innerText,
    cell: all(".account strong").map(({ dataset }) => Number(dataset.value)),
    kind: all(".kinds [aria-pressed=true]")[0].dataset.kind,
    hash: location.hash,
  };
})()`;

/** A browser, the address of the page, and what all its pages complained of. */
interface Stage {
  readonly browser: Browser;
  readonly address: string;
  readonly complaints: string[];
  readonly strangers: string[];
}

async function openLab(
  stage: Stage,
  hash: string,
  options: Parameters<Browser["newPage"]>[0] = {},
) {
  const page = await stage.browser.newPage({ colorScheme: "light", ...options });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  page.on("console", (message) => stage.complaints.push(message.text()));
  page.on("pageerror", (error) => stage.complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(stage.address) && !url.startsWith("data:")) stage.strangers.push(url);
  });
  await page.goto(stage.address + hash);
  await page.waitForSelector("#attention[data-ready]");
  const ready = await page.evaluate<number>(
    `performance.getEntriesByName("first figure")[0].startTime`,
  );
  const { metrics } = await session.send("Performance.getMetrics");
  const busy = 1000 * metrics.find(({ name }) => name === "TaskDuration")!.value;
  return { page, ready, busy };
}

/** Sees the row once it rests. */
async function settled(page: Page): Promise<RowSeen> {
  await page.waitForTimeout(400);
  return await page.evaluate<RowSeen>(seeRow);
}

async function useRow(page: Page): Promise<Record<string, RowSeen>> {
  const rows: Record<string, RowSeen> = { first: await settled(page) };
  const bar = page.locator("#attention [role=slider]").nth(3);
  await bar.scrollIntoViewIfNeeded();
  const box = (await bar.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + 4, { steps: 8 });
  await page.mouse.up();
  rows["dragged"] = await settled(page);
  await page.getByRole("button", { name: "mice", exact: true }).click();
  rows["clicked"] = await settled(page);
  await page.getByRole("button", { name: "cat", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("slider", { name: "Logit of very" }).focus();
  for (const key of ["ArrowUp", "PageUp", "ArrowLeft", "Enter"]) await page.keyboard.press(key);
  rows["keyed"] = await settled(page);
  await page.locator(".kinds [data-kind=own]").click();
  rows["own"] = await settled(page);
  await page.locator("#attention table.jacobian").nth(2).locator("td[tabindex='0']").focus();
  for (const key of ["ArrowRight", "Home"]) await page.keyboard.press(key);
  rows["moved"] = await settled(page);
  await page.getByLabel("Rate p").focus();
  for (let press = 0; press < 4; press++) await page.keyboard.press("ArrowRight");
  await page.locator("#attention").getByLabel("Seed").fill("7");
  await page.keyboard.press("Enter");
  rows["drawn"] = await settled(page);
  await page.getByRole("button", { name: "Next draw" }).click();
  rows["next"] = await settled(page);
  return rows;
}

/** The curve of k is drawn after everything else. */
const timeKey = `new Promise((resolve) => {
  const started = performance.now();
  const target = document.querySelector("[data-k]");
  new MutationObserver(() => resolve(performance.now() - started))
    .observe(target, { attributeFilter: ["data-k"] });
  document.querySelectorAll("[role=slider]")[4]
    .dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
})`;

async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return await page.evaluate<string[]>(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ": " + target.join(" "))))`);
}

async function judge(stage: Stage): Promise<Pick<LabVisit, "violations" | "overflows" | "themes">> {
  const violations: Record<string, string[]> = {};
  const overflows: boolean[] = [];
  let themes: string[] = [];
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"] as const) {
      const viewport = { width, height: 900 };
      const { page } = await openLab(stage, "", { colorScheme, viewport });
      violations[`${colorScheme} ${width}`] = await axeFindings(page);
      overflows.push(
        await page.evaluate<boolean>(
          "document.documentElement.scrollWidth > document.documentElement.clientWidth",
        ),
      );
      const background = () =>
        page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
      themes = [await background()];
      await page.locator("#theme").click();
      themes.push(await background());
      await page.close();
    }
  }
  return { violations, overflows, themes };
}

const watchTasks = `globalThis.longest = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
}).observe({ type: "longtask" });`;

async function measure(stage: Stage): Promise<Pick<LabVisit, "noise" | "longest">> {
  const { page } = await openLab(stage, "");
  await page.waitForTimeout(300);
  await page.evaluate(watchTasks);
  await page.evaluate(`location.hash = "#noise?seed=3&masks=4&batch=2&rates=0.1,0.3"`);
  await page.waitForSelector("#noise[data-measured=true]", { timeout: 120_000 });
  const noise = await page.evaluate<Record<string, string>>(
    `Object.fromEntries([...document.querySelectorAll("#noise tr[data-figures]")]
      .map(({ dataset }) => [dataset.variant + " " + dataset.rate, dataset.figures]))`,
  );
  return { noise, longest: await page.evaluate<number>("longest") };
}

async function compressedBytes(files: ReadonlyMap<string, Uint8Array>): Promise<number> {
  let sum = 0;
  for (const [name, bytes] of files) {
    if (name.endsWith(".safetensors")) continue;
    const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(
      new CompressionStream("gzip"),
    );
    sum += (await new Response(stream).arrayBuffer()).byteLength;
  }
  return sum;
}

async function visit(executablePath: string): Promise<LabVisit> {
  const files = await buildPage();
  const { promise, resolve } = Promise.withResolvers<string>();
  await using _server = servePage(files, 0, resolve);
  const flags = ["--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run"];
  const browser = await chromium.launch({ executablePath, args: flags });
  const stage: Stage = { browser, address: await promise, complaints: [], strangers: [] };
  try {
    const { page, ready, busy } = await openLab(stage, "");
    const rows = await useRow(page);
    rows["linked"] = await settled((await openLab(stage, rows["next"]!.hash)).page);
    const answered = await page.evaluate<number>(timeKey);
    const wrong =
      "#attention?logits=1,2&dropped=99&seed=-1&foo=bar&cell=a&by=%E0%A4%A;noise?rates=x;;x?y=1";
    rows["malformed"] = await settled((await openLab(stage, wrong)).page);
    const judged = await judge(stage);
    const measured = await measure(stage);
    const { complaints, strangers } = stage;
    const compressed = await compressedBytes(files);
    return {
      complaints,
      strangers,
      compressed,
      ready,
      busy,
      answered,
      rows,
      ...judged,
      ...measured,
    };
  } finally {
    await browser.close();
  }
}

if (import.meta.main) console.log(JSON.stringify(await visit(Deno.args[0]!)));
