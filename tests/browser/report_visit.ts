/** Opens reports in Chromium from their files, uses them with the keyboard, and prints what was found. */

import { chromium, type Page } from "playwright-core";

/** What a visit found. */
export interface ReportVisit {
  /** Errors and warnings of the page. */
  readonly complaints: readonly string[];
  /** Addresses that the page asked for, its own file left out. */
  readonly requests: readonly string[];
  /** Pixels of each panel's curves that are not transparent. */
  readonly drawn: readonly number[];
  /** The same once every curve of the first panel was hidden from the keyboard. */
  readonly hidden: number;
  /** Pixels of the last panel once the first control, the run's where there are several, is toggled. */
  readonly toggled: number;
  /** What the first legend says at the start of the curves, and at their end. */
  readonly values: readonly string[];
  /** What is said of the end of the curves, by step and by epoch. */
  readonly spoken: readonly string[];
  /** Colours of the page and of a curve before and after its theme was changed. */
  readonly colours: readonly string[];
  /** Elements that the first presses of Tab reach, by identifier or text. */
  readonly order: readonly string[];
  /** Whether something is wider than a window of 390 pixels. */
  readonly overflows: boolean;
}

const countDrawn = `[...document.querySelectorAll("canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((count, value, i) => i % 4 === 3 && value > 0 ? count + 1 : count, 0);
})`;
const legend = `document.querySelector(".legend").innerText.replace(/\\s+/g, " ")`;
const colours = `[getComputedStyle(document.body.parentElement).backgroundColor,
  document.querySelector(".legend path").getAttribute("stroke")].join()`;

async function order(page: Page): Promise<string[]> {
  const reached: string[] = [];
  for (let press = 0; press < 10; press++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(`document.activeElement.id || document.activeElement.className ||
        document.activeElement.closest("label, a").innerText.trim()`),
    );
  }
  return reached;
}

async function visit(page: Page, url: string): Promise<ReportVisit> {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  await page.waitForSelector(".legend button");
  const reached = await order(page);
  const drawn = await page.evaluate<number[]>(countDrawn);
  const toggle = page.locator("#controls input[type=checkbox]").first();
  await toggle.focus();
  await page.keyboard.press("Space");
  const toggled = (await page.evaluate<number[]>(countDrawn)).at(-1)!;
  await page.keyboard.press("Space");
  await page.locator(".plot").first().focus();
  const values: string[] = [];
  for (const key of ["Home", "End"]) {
    await page.keyboard.press(key);
    values.push(await page.evaluate<string>(legend));
  }
  const spoken = [await page.locator("#spoken").innerText()];
  await page.getByLabel("epoch").check();
  await page.locator(".plot").first().press("End");
  spoken.push(await page.locator("#spoken").innerText());
  const themes = [await page.evaluate<string>(colours)];
  await page.locator("#theme").focus();
  await page.keyboard.press("Enter");
  themes.push(await page.evaluate<string>(colours));
  for (const button of await page.locator(".panel:first-child .legend button").all()) {
    await button.focus();
    await page.keyboard.press("Space");
  }
  await page.waitForTimeout(100);
  const [hidden = -1] = await page.evaluate<number[]>(countDrawn);
  await page.setViewportSize({ width: 390, height: 800 });
  // Curves are drawn anew some time after the page has another width.
  let overflows = true;
  for (let wait = 0; overflows && wait < 100; wait++) {
    await page.waitForTimeout(50);
    overflows = await page.evaluate<boolean>(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
  }
  return {
    complaints,
    requests: requests.filter((one) => one !== url),
    drawn,
    toggled,
    hidden,
    values,
    spoken,
    colours: themes,
    order: reached,
    overflows,
  };
}

if (import.meta.main) {
  const [executablePath, ...urls] = Deno.args as [string, ...string[]];
  const flags = ["--headless", "--no-sandbox", "--disable-background-networking", "--no-first-run"];
  const browser = await chromium.launch({ executablePath, args: flags });
  const visits: ReportVisit[] = [];
  for (const url of urls) {
    visits.push(await visit(await browser.newPage({ colorScheme: "light" }), url));
  }
  await browser.close();
  console.log(JSON.stringify(visits));
}
