/**
 * Which products a pass of attention has.
 *
 * @module
 */

import type { AttentionProducts } from "./attention_products.ts";
import type { AttentionText } from "./attention_text.ts";
import { DirectProducts } from "./direct_products.ts";
import { TiledProducts } from "./tiled_products.ts";

/** Products by the tiles of a pass. */
export function chooseProducts(text: AttentionText): AttentionProducts {
  return text.depth === 0 ? new DirectProducts(text) : new TiledProducts(text);
}
