/**
 * Which site of a plan is active at a place of the model in this step, and the key of its masks.
 *
 * @module
 */

import { foldKey, type Key } from "../../core/random.ts";
import type { Tensor } from "../../core/tensor.ts";
import { activeIn, type DropoutPlan, type Position, type Site } from "./plan.ts";

/** Where in a model something is computed. */
export interface LayerPlace {
  /** Name of the place, such as `layer.3`: masks follow it. */
  readonly path: string;
  /** Number of its layer, from 0; absent outside of the layers. */
  readonly layer?: number | undefined;
  /** Layers of the model, of which a plan may mean the latter half. */
  readonly layers: number;
}

/** The place of a layer as a whole. */
export function layerPlace(layer: number, layers: number): LayerPlace & { readonly layer: number } {
  return { path: `layer.${layer}`, layer, layers };
}

/** What decides every mask of a pass. */
export interface DropoutContext {
  /** Where, in which structure, how compensated. */
  readonly plan: DropoutPlan;
  /** Key of the step, from which those of all places are folded. */
  readonly key: Key;
  /**
   * Number of each example in the global batch, times 2, plus the pass: `[batch]`, or that of each
   * token's example, `[batch, tokens]`, beside `offsets`.
   */
  readonly examples: Tensor;
  /** Number of real tokens, in the same shape. */
  readonly lengths: Tensor;
  /**
   * Place in its row at which the example of each token begins, `[batch, tokens]`; absent where each
   * row is one example.
   */
  readonly offsets?: Tensor | undefined;
  /**
   * The same of the tokens that alone reach the output layer of a language model, `[3, targets]` (see
   * `Batch.rowTokens`); absent where all do.
   */
  readonly rowTokens?: Tensor | undefined;
}

/** A site that is active at a place, with the key of its masks there. */
export interface ActiveSite {
  /** In which structure and how much. */
  readonly site: Site;
  /** Key of this place in this step. */
  readonly key: Key;
  /** Where examples and lengths are. */
  readonly dropout: DropoutContext;
}

/** The site that is active for a position at a place; none where nothing is dropped. */
export function siteAt(
  { dropout }: { readonly dropout?: DropoutContext | undefined },
  position: Position,
  { path, layer, layers }: LayerPlace,
): ActiveSite | undefined {
  const site = dropout?.plan.sites.find((s) =>
    s.position === position && activeIn(s, layer, layers)
  );
  if (dropout === undefined || site === undefined) return undefined;
  return { site, key: foldKey(dropout.key, `${path}/${site.stream ?? position}`), dropout };
}
