/**
 * The dropout plan drawn on a transformer block, from the embeddings down to the loss.
 *
 * @module
 */

import type { DropoutPlan, Position, Site } from "../../nn/dropout/plan.ts";
import { type Html, html } from "./html.ts";
import { compensationText, positionTitles, siteNote } from "./plan_words.ts";

/** Where a place of dropout lies in the figure, and on which side it is labelled. */
interface Spot {
  readonly x: number;
  readonly y: number;
  readonly side: "left" | "right";
}

const width = 940;
/** Middles of the main path and of the low-rank updates beside it, from the left. */
const [centre, branch] = [470, 300];

/** Boxes on the main path: what they are, and their middles from the top. */
const boxes: readonly (readonly [title: string, y: number])[] = [
  ["Embeddings", 34],
  ["Queries, keys, values", 196],
  ["Attention logits", 304],
  ["Softmax", 360],
  ["Weighted values, projection", 416],
  ["Add and norm", 466],
  ["Feed-forward: up, activation", 522],
  ["Feed-forward: down", 578],
  ["Add and norm", 634],
  ["Head", 744],
];

const frame = { top: 108, bottom: 664, left: 240, right: 602 };

const spots: Readonly<Record<Position, Spot>> = {
  input: { x: centre, y: 80, side: "right" },
  lora: { x: branch, y: 146, side: "left" },
  rank: { x: branch, y: 202, side: "left" },
  update: { x: branch, y: 258, side: "left" },
  logits: { x: centre, y: 332, side: "right" },
  weights: { x: centre, y: 388, side: "right" },
  hidden: { x: centre, y: 606, side: "right" },
  output: { x: centre, y: 700, side: "right" },
};

/** HiddenCut between the two layers of the feed-forward module. */
const inner: Spot = { x: centre, y: 550, side: "right" };

/**
 * Draws a plan.
 *
 * @param id Identifier in the page, of which those of its title are made
 * @param layers Layers of the model, where they are known
 */
export function planFigure(plan: DropoutPlan, id: string, layers: number | undefined): Html {
  const marks = (Object.keys(spots) as Position[]).map((position) => {
    const site = plan.sites.find((one) => one.position === position);
    return mark(position, site, site?.point === "inner" ? inner : spots[position]);
  });
  const height = plan.compensation.kind === "none" ? 812 : 910;
  return html`
    <div class="figure">
      <svg viewBox="0 0 ${width} ${height}" role="img"
        aria-labelledby="${id}-title ${id}-desc">
        <title id="${id}-title">Where this run drops</title>
        <desc id="${id}-desc">${describe(plan)}</desc>
        ${key()} ${block(layers)} ${loraBranch()} ${marks} ${passes(plan)}
      </svg>
    </div>
  `;
}

/** The figure in words, for those who do not see it; the table below has all settings. */
function describe(plan: DropoutPlan): string {
  const sites = plan.sites.map((site) => `${positionTitles[site.position]}: ${siteNote(site)}`);
  return [sites.length === 0 ? "Nothing is dropped" : sites.join("; "), compensationText(plan)]
    .join(". ");
}

/** What filled and hollow circles mean. */
function key(): Html {
  return html`
    <circle class="on" cx="18" cy="20" r="8" />
    <text class="note" x="34" y="24">dropped here</text>
    <circle class="off" cx="18" cy="44" r="5" />
    <text class="note" x="34" y="48">a place where nothing is dropped</text>
  `;
}

/** The main path, with a frame around what each layer has. */
function block(layers: number | undefined): Html {
  const { top, bottom, left, right } = frame;
  const starts = [0, ...boxes.map(([, y]) => y + 15)];
  const loss = 792;
  const count = layers === undefined ? "one of the layers" : `one of ${layers} layers`;
  const rectangle = (offset: number) =>
    html`
      <rect class="frame" x="${left + offset}" y="${top + offset}" width="${right -
        left}" height="${bottom - top}"
        rx="12" />
    `;
  return html`
    ${[8, 0].map(rectangle)}
    <text class="note" x="${right + 18}" y="${bottom - 2}">${count}</text>
    ${boxes.map(([, y], i) => arrow(starts[i]!, y - 15))}
    ${boxes.map(([title, y]) => box(title, { x: centre, y, wide: 216 }))}
    ${arrow(starts.at(-1)!, loss - 8)}
    <text class="strong" x="${centre}" y="${loss + 8}" text-anchor="middle">Loss</text>
  `;
}

/** Low-rank updates, beside the matrices that they are added to. */
function loraBranch(): Html {
  const [fork, join] = [124, 282];
  const wide = 84;
  return html`
    <path class="arrow" d="M${centre} ${fork}H${branch}V${join}H${centre - 8}" />
    <path class="head" d="M${centre} ${join}l-8 -5v10z" />
    ${box("LoRA: A", { x: branch, y: 174, wide })} ${box("LoRA: B", { x: branch, y: 230, wide })}
  `;
}

/** A box around a title, by its middle. */
function box(title: string, at: { x: number; y: number; wide: number }): Html {
  const { x, y, wide } = at;
  return html`
    <rect class="box" x="${x - wide / 2}" y="${y - 15}" width="${wide}" height="30" rx="7" />
    <text x="${x}" y="${y + 4.5}" text-anchor="middle">${title}</text>
  `;
}

/** An arrow down the main path. */
function arrow(from: number, to: number): Html {
  return html`
    <path class="arrow" d="M${centre} ${from}V${to - 6}" />
    <path class="head" d="M${centre} ${to}l-5 -8h10z" />
  `;
}

/** A place of dropout: filled and labelled where something is dropped, else hollow. */
function mark(position: Position, site: Site | undefined, { x, y, side }: Spot): Html {
  if (site === undefined) {
    return html`
      <circle class="off" cx="${x}" cy="${y}" r="5" />
    `;
  }
  const { left, wide } = side === "right" ? { left: 640, wide: 294 } : { left: 6, wide: 218 };
  const edge = side === "right" ? left : left + wide;
  return html`
    <path class="lead" d="M${x} ${y}H${edge}" />
    <rect class="tag" x="${left}" y="${y - 22}" width="${wide}" height="44" rx="8" />
    <text class="strong" x="${left + 12}" y="${y - 4}">${positionTitles[position]}</text>
    <text x="${left + 12}" y="${y + 13}">${siteNote(site)}</text>
    <circle class="on" cx="${x}" cy="${y}" r="8" />
  `;
}

/** The two passes of a compensation, and what is compared. */
function passes({ compensation: { kind, weight, branches } }: DropoutPlan): Html | undefined {
  if (kind === "none") return undefined;
  const second = kind === "kl" ? "other masks" : "nothing dropped";
  const name = kind === "kl" ? `KL in both directions × ${weight}` : `KL to the second × ${weight}`;
  const gradient = branches === 2 ? "gradient through both" : "gradient through the first";
  const [left, right, middle] = [centre - 250, centre + 250, 874];
  return html`
    <text class="note" x="${centre + 12}" y="828">each example passes twice</text>
    <path class="arrow" d="M${centre} 808V836H${left}V850M${centre} 836H${right}V850" />
    ${passBox("First pass", "masks of the step", left)} ${passBox("Second pass", second, right)}
    <path class="lead" d="M${left + 100} ${middle}H${right - 100}" />
    <path class="lead" d="M${left + 108} ${middle - 5}l-8 5 8 5M${right - 108} ${middle -
      5}l8 5 -8 5" />
    <text class="strong" x="${centre}" y="${middle - 9}" text-anchor="middle">${name}</text>
    <text class="note" x="${centre}" y="${middle + 19}" text-anchor="middle">${gradient}</text>
  `;
}

function passBox(title: string, note: string, x: number): Html {
  return html`
    <rect class="tag" x="${x - 100}" y="850" width="200" height="48" rx="8" />
    <text class="strong" x="${x}" y="870" text-anchor="middle">${title}</text>
    <text x="${x}" y="888" text-anchor="middle">${note}</text>
  `;
}
