/**
 * Dropout plans in words, and as a table.
 *
 * @module
 */

import type { DropoutPlan, Position, Site } from "../../nn/dropout/plan.ts";
import { kebab } from "../config/options.ts";
import { type Html, html } from "./html.ts";

/** What the places of dropout are called. */
export const positionTitles: Readonly<Record<Position, string>> = {
  lora: "Input of LoRA",
  rank: "Inner dimension of LoRA",
  update: "Output of LoRA",
  input: "Input of the layers",
  logits: "Attention logits",
  weights: "Attention weights",
  hidden: "Feed-forward",
  output: "Input of the head",
};

/** The layers of a site, in words. */
export function layersText({ layers }: Site): string {
  if (layers === "all") return "all layers";
  return layers === "latter-half" ? "latter half of layers" : `layers ${layers.join(", ")}`;
}

/** Structure, rate and layers of a site; those outside of the layers have none. */
export function siteNote(site: Site): string {
  const { position, structure, rate } = site;
  const isOutside = position === "input" || position === "output";
  return `${structure}, rate ${rate}${isOutside ? "" : `, ${layersText(site)}`}`;
}

/** What closes the gap between training and inference, in a sentence. */
export function compensationText({ compensation }: DropoutPlan): string {
  const { kind, weight, branches } = compensation;
  if (kind === "none") return "One pass, without compensation";
  const what = kind === "kl"
    ? "two passes under masks of their own, compared by KL in both directions"
    : "a pass that drops and one that does not, compared by KL";
  return `${kind.toUpperCase()}: ${what}, weight ${weight}, gradient through ${
    branches === 2 ? "both" : "one"
  }`;
}

/** Whether nothing is dropped in a single pass, of which a figure would show nothing. */
export function isPlain({ sites, compensation }: DropoutPlan): boolean {
  return sites.length === 0 && compensation.kind === "none";
}

/** All settings of a plan. */
export function planTable(plan: DropoutPlan): Html {
  const beside = [
    compensationText(plan),
    ...(plan.neftuneAlpha ? [`NEFTune's noise on the embeddings, alpha ${plan.neftuneAlpha}`] : []),
    ...((plan.instances ?? 1) > 1 ? [`${plan.instances} draws of all masks a step`] : []),
  ];
  const note = html`<p>${beside.join(". ")}.</p>`;
  if (plan.sites.length === 0) return html`<p>Nothing is dropped.</p>${note}`;
  return html`
    <div class="scroll">
      <table>
        <caption>Places where this run drops</caption>
        <thead>
          <tr>
            <th scope="col">Place</th>
            <th scope="col">Structure</th>
            <th scope="col" class="number">Rate</th>
            <th scope="col">Layers</th>
            <th scope="col">Other settings</th>
          </tr>
        </thead>
        <tbody>
    ${plan.sites.map(siteRow)}</tbody>
      </table>
    </div>${note}
  `;
}

function siteRow(site: Site): Html {
  const { position, structure, rate, layers: _, ...others } = site;
  const words = Object.entries(others).map(([name, value]) =>
    typeof value === "boolean" ? `${value ? "" : "no-"}${kebab(name)}` : `${kebab(name)}=${value}`
  );
  return html`
    <tr>
      <th scope="row">${positionTitles[position]}</th>
      <td>${structure}</td>
      <td class="number">${rate}</td>
      <td>${layersText(site)}</td>
      <td>${words.join(", ") || "usual"}</td>
    </tr>
  `;
}
