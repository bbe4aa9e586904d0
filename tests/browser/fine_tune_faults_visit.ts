/** Uses the lab's fine-tuning as its makers did not mean it, and prints what the page did. */

import { Buffer } from "node:buffer";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildPage } from "../../train/lab/build.ts";
import { servePage } from "../../train/lab/serve.ts";
import { longestTask, lookAt, type Looks } from "./fine_tune_spy.ts";

/** What a visit found. */
export interface FaultsVisit {
  /** Errors and warnings of the page. */
  readonly complaints: readonly string[];
  /** Addresses that the page asked other hosts for. */
  readonly requests: readonly string[];
  /** Stopped as soon as it was started, then gone on with: rows of the table. */
  readonly stoppedAtOnce: readonly string[];
  /** Trained, asked, and trained anew with the same settings. */
  readonly anew: {
    /** Tables of answers behind the first training and behind the second. */
    readonly answers: readonly number[];
    /** Name of the file that is taken home behind the second. */
    readonly file: string;
  };
  /** Numbers as they are typed, with the address and what is said. */
  readonly typed: readonly (readonly [string, string, string])[];
  /** What is said where no method is chosen. */
  readonly unchosen: string;
  /** What is said of a link that names a repository. */
  readonly linked: string;
  /** Where the axes of passes end in a run of a few steps. */
  readonly lastPasses: readonly number[];
  /** A long table: what is said of it, characters shown, and processor time of the longest task. */
  readonly long: { readonly said: string; readonly shown: number; readonly busy: number };
  /** Many classes on a phone: whether the page is wider than it, and what axe finds. */
  readonly classes: Looks;
  /** Labels of the curves there that are cut, or longer than five characters. */
  readonly cut: readonly string[];
  /** A folder whose inner folders' files come first: what is said of it. */
  readonly innerFirst: string;
  /** Without storage for pages: what is said of a folder. */
  readonly withoutStorage: string;
  /** Without WebAssembly: what the first part of the page says, and headings of the last. */
  readonly withoutWebAssembly: { readonly alert: string; readonly headings: readonly string[] };
  /** Without WebGPU: what is said of a run that asks for it. */
  readonly withoutGpu: string;
}

const section = "#fine-tune";

async function open(page: Page, address: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(address);
}

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
}

function statusOf(page: Page, pattern: RegExp): Promise<string> {
  const line = page.locator(`${section} [role=status]`).filter({ hasText: pattern });
  return line.first().innerText({ timeout: 60_000 });
}

async function visitStop(page: Page, url: string): Promise<string[]> {
  await open(page, `${url}#fine-tune?epochs=1`);
  await press(page, "Train");
  await press(page, "Stop");
  await statusOf(page, /^Stopped/);
  await press(page, "Go on");
  await statusOf(page, /^Done/);
  const rows = page.locator(`${section} tbody tr`);
  // Rows are drawn a moment later.
  await rows.filter({ hasText: "done" }).nth(1).waitFor();
  return await rows.allInnerTexts();
}

async function visitAnew(page: Page, url: string): Promise<FaultsVisit["anew"]> {
  await open(page, `${url}#fine-tune?epochs=0.5&methods=lora`);
  const tables = () => page.locator(`${section} caption`, { hasText: "What each" }).count();
  await press(page, "Train");
  await statusOf(page, /^Done/);
  await press(page, "Ask the models");
  await statusOf(page, /answered/);
  const answers = [await tables()];
  await press(page, "Train anew");
  await statusOf(page, /^Training/);
  await statusOf(page, /^Done/);
  answers.push(await tables());
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    press(page, "Download lora"),
  ]);
  return { answers, file: file.suggestedFilename() };
}

async function visitNumbers(page: Page, url: string) {
  await open(page, `${url}#fine-tune?methods=lora`);
  const typed: (readonly [string, string, string])[] = [];
  const rate = page.locator(section).getByLabel("Dropout rate");
  for (const text of ["0.33", "0.95", ""]) {
    await rate.fill(text);
    await page.waitForTimeout(600);
    const said = await statusOf(page, /examples|required/);
    typed.push([text, await page.evaluate<string>("location.hash"), said]);
  }
  await rate.fill("0.1");
  await page.locator(section).getByLabel(/^lora drops nothing/).uncheck();
  return { typed, unchosen: await statusOf(page, /Choose/) };
}

async function visitSteps(page: Page, url: string): Promise<number[]> {
  await open(page, `${url}#fine-tune?steps=2&methods=lora`);
  await press(page, "Train");
  await statusOf(page, /^Done/);
  await page.waitForTimeout(500);
  const last = `[...document.querySelectorAll("#fine-tune .curve")].map((figure) =>
    Number([...figure.querySelectorAll(".tick > text:only-child")].at(-1).textContent))`;
  return await page.evaluate<number[]>(last);
}

async function visitLong(
  browser: Browser,
  page: Page,
  url: string,
): Promise<FaultsVisit["long"]> {
  await open(page, `${url}#fine-tune?data=own`);
  const rows = Array.from({ length: 50_000 }, (_, i) => `a cat sees a dog . ${i},${i % 2}`);
  const buffer = Buffer.from(`text,label\n${rows.join("\n")}\n`);
  await browser.startTracing(page, { categories: ["toplevel"] });
  const file = { name: "long.csv", mimeType: "text/csv", buffer };
  await page.getByLabel(/or choose its file/).setInputFiles(file);
  const said = await statusOf(page, /to judge by/);
  const shown = await page.getByLabel(/Paste a CSV/).inputValue();
  return { said, shown: shown.length, busy: longestTask(await browser.stopTracing()) };
}

async function visitClasses(
  page: Page,
  url: string,
): Promise<Pick<FaultsVisit, "classes" | "cut">> {
  await open(page, `${url}#fine-tune?data=own&rate=0.01&steps=1`);
  const rows = Array.from({ length: 60 }, (_, i) => `a cat . ${i},class_${i % 20}`);
  await page.getByLabel(/Paste a CSV/).fill(`text,label\n${rows.join("\n")}\n`);
  await statusOf(page, /20 classes/);
  await press(page, "Train");
  await statusOf(page, /^Done/);
  await press(page, "Ask the models");
  await statusOf(page, /answered/);
  const cut = `[...document.querySelectorAll("#fine-tune .curve text")].filter((text) => {
    const { x, width } = text.getBBox();
    const isLong = text.matches(".tick *") && text.textContent.length > 5;
    return isLong || x < 0 || x + width > text.ownerSVGElement.viewBox.baseVal.width;
  }).map(({ textContent }) => textContent)`;
  return { cut: await page.evaluate<string[]>(cut), classes: await lookAt(page) };
}

async function visitWithoutStorage(browser: Browser, url: string): Promise<string> {
  const page = await browser.newPage();
  // The page asks in a worker, whose scope an address of its own prepares.
  await page.route("**/fine_tune/worker.js", async (route) => {
    const answer = await route.fetch();
    const without = 'Object.defineProperty(navigator, "storage", { value: undefined });';
    await route.fulfill({ response: answer, body: without + await answer.text() });
  });
  await page.goto(`${url}#fine-tune?model=folder&folder=some`);
  return await statusOf(page, /Cannot/);
}

async function visitWithoutWebAssembly(
  browser: Browser,
  url: string,
): Promise<FaultsVisit["withoutWebAssembly"]> {
  const page = await browser.newPage();
  await page.addInitScript("delete window.WebAssembly");
  await page.goto(url);
  const alert = page.locator("#attention [role=alert]").filter({ hasText: /./ });
  const headings = await page.locator(`${section} h3`).allInnerTexts();
  return { alert: await alert.innerText({ timeout: 60_000 }), headings };
}

async function visitWithoutGpu(page: Page, url: string): Promise<string> {
  await page.route("**/fine_tune/worker.js", async (route) => {
    const answer = await route.fetch();
    const without = 'Object.defineProperty(navigator, "gpu", { value: undefined });';
    await route.fulfill({ response: answer, body: without + await answer.text() });
  });
  await open(page, `${url}#fine-tune?machine=webgpu&methods=lora`);
  await press(page, "Train");
  return await statusOf(page, /^Cannot/);
}

/** Not every browser lists a folder's own files before those of folders inside it. */
async function visitInnerFirst(page: Page, url: string): Promise<string> {
  await open(page, `${url}#fine-tune?model=folder`);
  await page.evaluate(`(() => {
    const input = document.querySelector("#fine-tune .drop input");
    const files = ["m/a/config.json", "m/a/vocab.txt", "m/config.json"].map((path) => {
      const file = new File(["{}"], path.split("/").at(-1));
      return Object.defineProperty(file, "webkitRelativePath", { value: path });
    });
    Object.defineProperty(input, "files", { value: files });
    input.dispatchEvent(new Event("change"));
  })()`);
  return await statusOf(page, /kept/);
}

if (import.meta.main) {
  const server = servePage(await buildPage(), 0);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const args = ["--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run"];
  const browser = await chromium.launch({ executablePath: Deno.args[0]!, args });
  const page = await browser.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.context().on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) {
      requests.push(request.url());
    }
  });
  const stoppedAtOnce = await visitStop(page, url);
  const anew = await visitAnew(page, url);
  const numbers = await visitNumbers(page, url);
  await open(page, `${url}#fine-tune?model=hub&hub=org/name`);
  const linked = await statusOf(page, /Cannot/);
  const lastPasses = await visitSteps(page, url);
  const long = await visitLong(browser, page, url);
  const classes = await visitClasses(page, url);
  const innerFirst = await visitInnerFirst(page, url);
  const withoutStorage = await visitWithoutStorage(browser, url);
  const withoutWebAssembly = await visitWithoutWebAssembly(browser, url);
  const withoutGpu = await visitWithoutGpu(page, url);
  await browser.close();
  await server.shutdown();
  const found: FaultsVisit = {
    ...{ complaints, requests, stoppedAtOnce, anew, ...numbers, linked },
    ...{ lastPasses, long, ...classes, innerFirst, withoutStorage, withoutWebAssembly, withoutGpu },
  };
  console.log(JSON.stringify(found));
}
