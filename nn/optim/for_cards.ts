/**
 * What models and their training have on cards alone, to be loaded with one: pages do without.
 *
 * @module
 */

export { attentionInOne } from "../layers/fused_attention.ts";
export { capturedGradients } from "./captured_gradients.ts";
