/** Opens a folder's index.html in Chromium, without and with WebGPU, and prints what was found. */

import { type Browser, chromium } from "playwright-core";

/** What a visit found. */
export interface Visit {
  /** Adapter that the page trained on, where it found one. */
  readonly adapter?: string;
  /** Losses that the page shows. */
  readonly losses: readonly number[];
  /** Bytes of the files that the page offers. */
  readonly files: Record<string, readonly number[]>;
  /** Masks drawn in the page. */
  readonly masks: Record<string, string>;
  /** Errors and warnings of the page, and of its compiler for the shaders of shaders.json. */
  readonly complaints: readonly string[];
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];

const types: Record<string, string> = { html: "text/html", js: "text/javascript" };

/** Serves a folder's files on the loopback interface. */
function serve(folder: string): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/favicon.ico") return new Response(null, { status: 204 });
    const type = types[pathname.split(".").at(-1)!] ?? "application/octet-stream";
    const file = await Deno.readFile(folder + pathname).catch(() => undefined);
    if (file === undefined) return new Response(null, { status: 404 });
    return new Response(file, { headers: { "content-type": `${type}; charset=utf-8` } });
  });
}

const script = `(async () => {
  const library = await import("/hiddenkey.js");
  const { compileShaders, drawMasks, readPage } = await import("/probe.js");
  const gpu = await library.openWebGpu();
  return {
    adapter: gpu?.description,
    ...await readPage(),
    masks: await drawMasks(library, gpu ?? library.openCpu()),
    complaints: await compileShaders(await (await fetch("shaders.json")).json()),
  };
})()`;

async function visit(browser: Browser, url: string, webGpu: boolean): Promise<Visit> {
  const context = await browser.newContext();
  if (!webGpu) await context.addInitScript("delete Navigator.prototype.gpu");
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  const failure = new Promise<void>((resolve) => {
    page.on("pageerror", (error) => {
      complaints.push(String(error));
      resolve();
    });
  });
  await page.goto(url);
  await Promise.race([page.waitForSelector("a:nth-of-type(2)"), failure]);
  const found = await page.evaluate<Visit>(script);
  await context.close();
  return { ...found, complaints: [...complaints, ...found.complaints] };
}

if (import.meta.main) {
  const [executablePath, folder] = Deno.args as [string, string];
  const server = serve(folder);
  const browser = await chromium.launch({ executablePath, args: flags });
  const url = `http://127.0.0.1:${server.addr.port}/index.html`;
  const visits = [await visit(browser, url, false), await visit(browser, url, true)];
  await browser.close();
  await server.shutdown();
  console.log(JSON.stringify(visits));
}
