/**
 * Makes the picture of the README: the three maps of the page's first row, computed by the library.
 *
 *     deno run --allow-write=train/lab train/lab/picture.ts
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Device } from "../../core/device.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { writeFileAtomic } from "../files/files.ts";
import { themes } from "../report/palette.ts";
import { negligible } from "./page/attention/cell_kinds.ts";
import { computeRow, rowMethods } from "./page/attention/compute.ts";
import { methodTitles } from "./page/attention/method_titles.ts";
import { rowFields, rowWords } from "./page/attention/row.ts";

/** Where the picture lies. */
export const pictureFile: URL = new URL("./picture.svg", import.meta.url);

const { panel, text, muted, page, rule, series } = themes.light;
const [plus, minus, noise] = [series[5]!, series[4]!, series[1]!];
const colours = { dropkey: series[0]!, dropattention: series[2]!, nograd: noise } as const;
const cell = 26;
const size = { width: 900, height: 352 } as const;

/** A word in the picture. */
function label(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${x}" y="${y}"${attributes && ` ${attributes}`}>${words}</text>`;
}

/** The picture as SVG. */
export async function drawPicture(): Promise<string> {
  await using device = new Device(openCpu({ kernels: "simd" }));
  const dropped = rowFields.dropped.default;
  const results = await computeRow(device, rowFields.logits.default, dropped);
  const all = rowMethods.flatMap((method) => [...results[method].jacobian]);
  const largest = Math.max(...all.map(Math.abs));
  const maps = rowMethods.map((method, i) => {
    const left = 76 + 290 * i;
    const square = `<rect x="${left - 52}" y="22" width="11" height="11" rx="3" ` +
      `fill="${colours[method]}"/>`;
    const title = label(left - 34, 32, methodTitles[method], `font-weight="650" fill="${text}"`);
    return [square, title, ...map(results[method].jacobian, { left, dropped, largest })].join("\n");
  });
  const names = dropped.map((key) => rowWords[key]).join(", ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" ` +
    `width="${size.width}" height="${size.height}" font-family="Helvetica, Arial, sans-serif" ` +
    `font-size="13" role="img" aria-label="Derivatives of attention weights under three methods">`,
    `<rect width="${size.width}" height="${size.height}" rx="10" fill="${panel}" stroke="${rule}"/>`,
    ...maps,
    label(
      24,
      334,
      `How fast each weight (rows) follows each logit (columns) once “${names}” is dropped. ` +
        "Outlined: gradient into a logit that can change nothing.",
      `fill="${muted}"`,
    ),
    "</svg>",
    "",
  ].join("\n");
}

interface MapPlace {
  readonly left: number;
  readonly dropped: readonly number[];
  readonly largest: number;
}

function map(jacobian: Float32Array, { left, dropped, largest }: MapPlace): string[] {
  const top = 96;
  const words = rowWords.flatMap((word, key) => {
    const [x, y] = [left + cell * (key + 0.5) + 4, top - 8];
    return [
      label(x, y, word, `fill="${muted}" font-size="11" transform="rotate(-90 ${x} ${y})"`),
      label(
        left - 8,
        top + cell * (key + 0.5) + 4,
        word,
        `fill="${muted}" font-size="11" text-anchor="end"`,
      ),
    ];
  });
  const cells = Array.from(jacobian, (value, i) => {
    const [u, j] = [Math.floor(i / rowWords.length), i % rowWords.length];
    const isThere = Math.abs(value) > negligible;
    const share = isThere ? Math.sqrt(Math.abs(value) / largest) : 0;
    const fill = isThere ? mixed(value > 0 ? plus : minus, page, share) : page;
    const outline = isThere && dropped.includes(j) ? ` stroke="${noise}" stroke-width="2"` : "";
    return `<rect x="${left + cell * j + 1}" y="${top + cell * u + 1}" width="${cell - 2}" ` +
      `height="${cell - 2}" rx="3" fill="${fill}"${outline}/>`;
  });
  return [...words, ...cells];
}

/** A colour between two, in sRGB. */
function mixed(colour: string, ground: string, share: number): string {
  const channel = (from: string, i: number) => parseInt(from.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channels = [0, 1, 2].map((i) =>
    Math.round(channel(ground, i) + share * (channel(colour, i) - channel(ground, i)))
  );
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

if (import.meta.main) await writeFileAtomic(fileURLToPath(pictureFile), await drawPicture());
