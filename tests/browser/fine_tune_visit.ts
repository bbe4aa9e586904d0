/** Fine-tunes in the lab's page in Chromium, and prints what the workers told and the page showed. */

import { Buffer } from "node:buffer";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildPage } from "../../train/lab/build.ts";
import { servePage } from "../../train/lab/serve.ts";
import {
  compressedBytes,
  longestTask,
  lookAt,
  type Looks,
  spy,
  type ToldRun,
} from "./fine_tune_spy.ts";

/** What a visit found. */
export interface FineTuneVisit {
  /** Bytes of the page's files, compressed, without the base model. */
  readonly bytes: number;
  /** Errors and warnings of the page. */
  readonly complaints: readonly string[];
  /** Addresses that the page asked other hosts for. */
  readonly requests: readonly string[];
  /** How the page looks with the demonstration's results, and with a folder and a table. */
  readonly looks: readonly Looks[];
  /** The demonstration with two methods, stopped and gone on with. */
  readonly demo: {
    readonly runs: readonly ToldRun[];
    readonly address: string;
    /** Points of each curve. */
    readonly points: readonly number[];
    /** Rows of the tables, as they are read. */
    readonly tables: readonly string[];
    /** Milliseconds that a timer of the page came late while it trained, each time. */
    readonly late: readonly number[];
    /** Most processor time of the page's own thread without a pause meanwhile, in milliseconds. */
    readonly busy: number;
    /** Texts that live regions took while it trained, each once. */
    readonly spoken: readonly string[];
    /** Zip of each adapter, in base64. */
    readonly zips: readonly string[];
  };
  /** A folder with a table of one's own. */
  readonly own: {
    readonly runs: readonly ToldRun[];
    /** What is said of a table with an error, of one without, and of the latter after a reload. */
    readonly said: readonly string[];
    readonly zip: string;
  };
  /** Weights in 4 bits, chosen by hand. */
  readonly quantised: {
    readonly run: ToldRun;
    readonly address: string;
    /** What is said before and after they are chosen. */
    readonly said: readonly string[];
  };
  /** The same steps on the graphics card and on the processor. */
  readonly webGpu: readonly ToldRun[];
  /** A repository: what is said without a network, with one, and after a reload. */
  readonly hub: {
    readonly said: readonly string[];
    /** Addresses that were fetched, and those after the reload. */
    readonly fetched: readonly string[];
    readonly fetchedAgain: readonly string[];
    /** Addresses that two tabs fetched which asked for one repository at once. */
    readonly fetchedByTwo: readonly string[];
    /** Whether the page's policy lets the hub, its store of large files and another host be asked. */
    readonly reached: readonly boolean[];
  };
}

const flags = [
  ...["--headless", "--no-sandbox", "--enable-unsafe-webgpu", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"],
];

const section = "#fine-tune";

function statusOf(page: Page, pattern: RegExp): Promise<string> {
  const line = page.locator(`${section} [role=status]`).filter({ hasText: pattern });
  return line.first().innerText({ timeout: 60_000 });
}

const told = (page: Page) => page.evaluate<ToldRun[]>("runs");

/** Opens an address anew: a browser only follows one that differs behind the #. */
async function open(page: Page, address: string): Promise<void> {
  await page.goto("about:blank");
  await page.goto(address);
}

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).focus();
  await page.keyboard.press("Enter");
}

async function download(page: Page, method: string): Promise<string> {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    press(page, `Download ${method}`),
  ]);
  const bytes = await Deno.readFile(await file.path());
  return bytes.toBase64();
}

/** The demonstration with the keyboard: trained, stopped, asked, gone on with, taken home. */
async function visitDemo(
  browser: Browser,
  page: Page,
  url: string,
): Promise<FineTuneVisit["demo"]> {
  await open(page, `${url}#fine-tune?epochs=2&rate=0.2`);
  await statusOf(page, /256 examples/);
  await page.evaluate("late = []; spoken.clear()");
  await browser.startTracing(page, { categories: ["toplevel"] });
  await press(page, "Train");
  // The page's policy lets no text be evaluated in it, as waiting for a function does.
  const areRunning = "runs.length === 2 && runs.every(({ steps }) => steps.length > 3)";
  while (!await page.evaluate<boolean>(areRunning)) await page.waitForTimeout(20);
  await press(page, "Stop");
  await statusOf(page, /^Stopped/);
  await press(page, "Go on");
  await statusOf(page, /^Done/);
  const busy = longestTask(await browser.stopTracing());
  const [late, spoken] = await page.evaluate<[number[], string[]]>("[late, [...spoken]]");
  await press(page, "Ask the models");
  await statusOf(page, /answered/);
  const tables = await page.locator(`${section} tbody tr`).allInnerTexts();
  const points = await page.evaluate<number[]>(
    `[...document.querySelectorAll("#fine-tune polyline")].map(({ points }) => points.length)`,
  );
  const zips = [await download(page, "lora"), await download(page, "hiddenkey")];
  const address = await page.evaluate<string>("location.hash");
  return { runs: await told(page), address, points, tables, late, busy, spoken, zips };
}

const [wrong, right] = [
  "text,label\na b c,good\nd e f,\n",
  `text,label\n${
    Array.from({ length: 20 }, (_, i) =>
      `${"abcdefghij"[i % 10]} b ${i % 7},${i % 3 ? "good" : "bad"}`)
      .join("\n")
  }\n`,
];

/** A folder and a table of one's own, found again after a reload. */
async function visitOwn(page: Page, url: string, folder: string): Promise<FineTuneVisit["own"]> {
  await open(page, `${url}#fine-tune?epochs=3&batch=4&methods=hiddenkey`);
  await page.getByLabel("A folder of this machine").check();
  await page.getByLabel(/Choose a model's folder/).setInputFiles(folder);
  await statusOf(page, /are kept in this browser/);
  await page.getByLabel("A table of your own").check();
  const table = page.getByLabel(/Paste a CSV/);
  await table.fill(wrong);
  const said = [await statusOf(page, /pasted\.csv/)];
  await table.fill(right);
  said.push(await statusOf(page, /to judge by/));
  await press(page, "Train");
  await statusOf(page, /^Done/);
  await press(page, "Ask the models");
  await statusOf(page, /answered/);
  const [runs, zip] = [await told(page), await download(page, "hiddenkey")];
  await page.reload();
  said.push(await statusOf(page, /to judge by/));
  return { runs, said, zip };
}

/** The demonstration for two steps in 4 bits. */
async function visitQuantised(page: Page, url: string): Promise<FineTuneVisit["quantised"]> {
  await open(page, `${url}#fine-tune?methods=hiddenkey&steps=2`);
  const first = await statusOf(page, /to judge by/);
  await page.locator(section).getByText("More settings").click();
  await page.getByLabel("in 4 bits").check();
  const line = page.locator(`${section} [role=status]`).filter({ hasText: /to judge by/ });
  while (await line.first().innerText() === first) await page.waitForTimeout(20);
  const said = [first, await line.first().innerText()];
  await press(page, "Train");
  await statusOf(page, /^Done/);
  const address = await page.evaluate<string>("location.hash");
  return { run: (await told(page))[0]!, address, said };
}

async function visitWebGpu(page: Page, url: string): Promise<ToldRun[]> {
  const runs: ToldRun[] = [];
  for (const machine of ["webgpu", "cpu"]) {
    await open(page, `${url}#fine-tune?epochs=0.5&methods=hiddenkey&machine=${machine}`);
    await press(page, "Train");
    await statusOf(page, /^Done|^Cannot/);
    runs.push(...await told(page));
  }
  return runs;
}

/** Which hosts the policy of the page lets its scripts ask; all of them would answer. */
async function hostsReached(page: Page): Promise<boolean[]> {
  const hosts = ["huggingface.co", "cas-bridge.xethub.hf.co", "example.com"];
  const headers = { "access-control-allow-origin": "*" };
  for (const host of hosts) {
    await page.context().route(`https://${host}/policy`, (route) => route.fulfill({ headers }));
  }
  const ask = (host: string) => `fetch("https://${host}/policy").then(() => true, () => false)`;
  return await Promise.all(hosts.map((host) => page.evaluate<boolean>(ask(host))));
}

/** A repository, without a network at first, then with one, and once more from the storage. */
async function visitHub(page: Page, url: string, folder: string): Promise<FineTuneVisit["hub"]> {
  const asked: string[] = [];
  const address = "https://huggingface.co/**";
  await open(page, `${url}#fine-tune?model=hub`);
  await page.getByLabel("Repository", { exact: true }).fill("org/name");
  await page.context().route(address, (route) => route.abort());
  await press(page, "Fetch");
  const said = [await statusOf(page, /Cannot/)];
  await page.context().unroute(address);
  await page.context().route(address, async (route) => {
    asked.push(route.request().url());
    const path = `${folder}/${route.request().url().split("/").at(-1)}`;
    const body = await Deno.readFile(path).catch(() => undefined);
    const headers = { "access-control-allow-origin": "*" };
    const answer = body === undefined ? { status: 404 } : { body: Buffer.from(body) };
    await route.fulfill({ headers, ...answer });
  });
  await press(page, "Fetch");
  said.push(await statusOf(page, /256 examples/));
  const fetched = asked.splice(0);
  await page.reload();
  said.push(await statusOf(page, /256 examples/));
  const fetchedAgain = asked.splice(0);
  const tabs = [page, await page.context().newPage()];
  await Promise.all(tabs.map(async (tab) => {
    await open(tab, `${url}#fine-tune?model=hub`);
    await tab.getByLabel("Repository", { exact: true }).fill("org/both");
    await press(tab, "Fetch");
    await statusOf(tab, /256 examples/);
  }));
  return { said, fetched, fetchedAgain, fetchedByTwo: asked, reached: await hostsReached(page) };
}

async function visit(browser: Browser, url: string, folder: string) {
  const context = await browser.newContext();
  await context.addInitScript(spy);
  const complaints: string[] = [];
  const requests: string[] = [];
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) {
      requests.push(request.url());
    }
  });
  const page = await context.newPage();
  const demo = await visitDemo(browser, page, url);
  const looks = [await lookAt(page)];
  const own = await visitOwn(page, url, folder);
  looks.push(await lookAt(page));
  const quantised = await visitQuantised(page, url);
  const webGpu = await visitWebGpu(page, url);
  return {
    complaints: [...complaints],
    requests: [...requests],
    looks,
    demo,
    own,
    quantised,
    webGpu,
    page,
  };
}

if (import.meta.main) {
  const [executablePath, folder] = Deno.args as [string, string];
  const files = await buildPage();
  const server = servePage(files, 0);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const browser = await chromium.launch({ executablePath, args: flags });
  const { page, ...found } = await visit(browser, url, folder);
  // A browser itself complains of what it cannot fetch.
  const hub = await visitHub(page, url, folder);
  await browser.close();
  await server.shutdown();
  console.log(JSON.stringify({ bytes: await compressedBytes(files), ...found, hub }));
}
