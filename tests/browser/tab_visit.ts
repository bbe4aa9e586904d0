/** Trains a quantised model in a tab of Chromium, of files that are chosen and of a web server's. */

import { type Browser, chromium, type Page } from "playwright-core";

/** What is made of a model, here or in a tab. */
export interface TrainedSteps {
  readonly losses: readonly number[];
  /** SHA-256 of the adapter's tensors, in hexadecimal digits. */
  readonly digest: string;
  /** Bytes of tensors: the loaded model, most at once, and the largest that a step made. */
  readonly bytes: { readonly model: number; readonly peak: number; readonly largestOfStep: number };
  readonly seconds: { readonly load: number; readonly steps: number };
}

/** What a tab made. */
export interface TabVisit extends TrainedSteps {
  /** Where the files were. */
  readonly from: Origin;
  /** Most resident bytes of the tab's process before and after, where the system tells them. */
  readonly resident: readonly number[];
  /** Errors and warnings of the page. */
  readonly complaints: readonly string[];
}

/** Where a tab has the model from. */
export type Origin = "files" | "server";

/** What a visit is told. */
export interface TabJob {
  /** Path of the browser. */
  readonly executablePath: string;
  /** Folder of the bundle. */
  readonly site: string;
  /** Folder of the model. */
  readonly model: string;
  /** Format of the layers' matrices. */
  readonly quantize: "nf4" | "int8";
  /** Steps of training. */
  readonly steps: number;
  /** Where the model is read from, one tab after the other. */
  readonly from: readonly Origin[];
}

const page = `<!DOCTYPE html><link rel="icon" href="data:,">
<input type="file" webkitdirectory>`;

const types: Record<string, string> = { js: "text/javascript", json: "application/json" };

/** Answers with a file, or with the range of it that is asked for. */
async function answer(path: string, range: string | null): Promise<Response> {
  const found = await Deno.stat(path).catch(() => undefined);
  if (found === undefined) return new Response(null, { status: 404 });
  const type = types[path.split(".").at(-1)!] ?? "application/octet-stream";
  if (range === null) {
    return new Response(await Deno.readFile(path), { headers: { "content-type": type } });
  }
  const [begin, last] = range.slice("bytes=".length).split("-").map(Number) as [number, number];
  using file = await Deno.open(path);
  await file.seek(begin, Deno.SeekMode.Start);
  const bytes = new Uint8Array(last + 1 - begin);
  for (let filled = 0; filled < bytes.length;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  const headers = { "content-range": `bytes ${begin}-${last}/${found.size}` };
  return new Response(bytes, { status: 206, headers });
}

/** Serves the page, the bundle and the model on the loopback interface. */
function serve({ site, model }: TabJob): Deno.HttpServer<Deno.NetAddr> {
  const probe = decodeURIComponent(new URL("tab_probe.js", import.meta.url).pathname);
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url, headers }) => {
    const { pathname } = new URL(url);
    if (pathname === "/") return new Response(page, { headers: { "content-type": "text/html" } });
    if (pathname === "/tab_probe.js") return answer(probe, null);
    const path = pathname.startsWith("/model/")
      ? `${model}${pathname.slice("/model".length)}`
      : `${site}${pathname}`;
    return answer(path, headers.get("range"));
  });
}

/** Most bytes that the processes of tabs have had resident, the largest of them. */
async function mostResident(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const sizes = processInfo.filter(({ type }) => type === "renderer").map(async ({ id }) => {
    const status = await Deno.readTextFile(`/proc/${id}/status`).catch(() => "");
    return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? NaN);
  });
  return Math.max(...await Promise.all(sizes));
}

async function visit(opened: Page, job: TabJob, from: Origin): Promise<TrainedSteps> {
  if (from === "files") await opened.locator("input").setInputFiles(job.model);
  const source = from === "files" ? `document.querySelector("input").files` : `"model/"`;
  return await opened.evaluate<TrainedSteps>(`(async () => {
    const library = await import("/hiddenkey.js");
    const { trainQuantised } = await import("/tab_probe.js");
    const config = await (await fetch("/model/config.json")).json();
    const weights = await library.openSafetensors(${source});
    const settings = { quantize: "${job.quantize}", steps: ${job.steps} };
    return await trainQuantised(library, weights, config, settings);
  })()`);
}

if (import.meta.main) {
  const job = JSON.parse(Deno.args[0]!) as TabJob;
  const server = serve(job);
  const visits: TabVisit[] = [];
  for (const from of job.from) {
    const args = ["--headless", "--no-sandbox", "--disable-background-networking"];
    const browser = await chromium.launch({ executablePath: job.executablePath, args });
    const opened = await browser.newPage();
    const complaints: string[] = [];
    opened.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    opened.on("pageerror", (error) => complaints.push(String(error)));
    await opened.goto(`http://127.0.0.1:${server.addr.port}/`);
    const before = await mostResident(browser);
    const found = await visit(opened, job, from);
    const resident = [before, await mostResident(browser)];
    visits.push({ from, ...found, resident, complaints });
    await browser.close();
  }
  await server.shutdown();
  console.log(JSON.stringify(visits));
}
