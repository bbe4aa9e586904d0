/**
 * What models, their training and generation have on GPUs alone, to be loaded with one: pages on the
 * CPU do without.
 *
 * @module
 */

import { capturedTokens } from "./generation/captured_tokens.ts";
import { captureTokens } from "./generation/continue_prompts.ts";

export { attentionInOne } from "./layers/fused_attention.ts";
export { capturedGradients } from "./optim/captured_gradients.ts";

/** Lets backends that capture work queue that of tokens again. */
export function captureGeneration(): void {
  captureTokens(capturedTokens);
}
