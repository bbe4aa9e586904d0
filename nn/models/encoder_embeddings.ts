/**
 * What an encoder makes of tokens before its first layer. Field names are Hugging Face's.
 *
 * **Source**: Devlin et al. 2019, "BERT".
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { addWords, input, scalar, select } from "../../core/expr.ts";
import { add } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { rowwise } from "../../core/ops/rowwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import type { ModelConfig } from "./model.ts";

/** Configuration of an encoder with learned positions, and segments where it knows such. */
export interface EncoderConfig extends ModelConfig {
  /** Segments that tokens can belong to; absent where there is no table of them. */
  readonly typeVocabularySize?: number;
  /** Rows of the position embedding before that of the first position. */
  readonly positionOffset: number;
}

/** What an encoder makes of tokens before its first layer. */
export abstract class TokenEmbeddings extends Module {
  /** Embeds a batch, `[batch, tokens, width]`. */
  abstract forward(context: ForwardContext): Tensor;
}

/** Row of a real token's position; that before the first position for pads. */
const positionRows = rowwise("positionRows", { positions: "u32", mask: "u32" }, [
  select(
    input(1, "u32", 3).compare("eq", 1),
    addWords(input(0, "u32", 3), scalar(0, "u32")),
    scalar(1, "u32"),
  ),
]);

/**
 * The same where texts hold the padding token: it has the row of pads, and is not counted.
 *
 * @param positions `[batch, tokens]`, which gives the shape
 * @param pad The padding token and the row of pads, which are one number
 */
function positionsBesidePads(
  { device, shape }: Tensor,
  texts: readonly (readonly number[])[],
  pad: number,
): Tensor {
  const [size, width] = shape as [number, number];
  const rows = new Uint32Array(size * width).fill(pad);
  texts.forEach((ids, b) => {
    let row = pad;
    ids.forEach((id, t) => {
      if (id !== pad) rows[b * width + t] = ++row;
    });
  });
  return tensor(device, rows, shape, "u32");
}

/** Sum of word, segment and position embeddings, normalised. */
export class Embeddings extends TokenEmbeddings {
  /** `[vocabulary, width]`. */
  readonly word_embeddings: Embedding;
  /** `[positions, width]`, those that stand for none first. */
  readonly position_embeddings: Embedding;
  /** `[segments, width]`; absent where the architecture knows none. */
  readonly token_type_embeddings: Embedding | undefined;
  /** Norm of the sum. */
  readonly LayerNorm: LayerNorm;
  readonly #offset: number;

  /** Makes the embeddings without numbers. */
  constructor(config: EncoderConfig) {
    super();
    this.#offset = config.positionOffset;
    this.word_embeddings = new Embedding(config.vocabularySize, config.hiddenSize);
    this.position_embeddings = new Embedding(config.maxPositions + this.#offset, config.hiddenSize);
    this.token_type_embeddings = config.typeVocabularySize === undefined
      ? undefined
      : new Embedding(config.typeVocabularySize, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.epsilon);
  }

  /** Embeds a batch, `[batch, tokens, width]`. */
  override forward(context: ForwardContext): Tensor {
    const { batch, dropout } = context;
    const words = addEmbeddingNoise(this.word_embeddings.forward(batch.ids), dropout);
    const types = this.token_type_embeddings?.forward(batch.typeIds);
    const typed = types === undefined ? words : add(words, types);
    return this.LayerNorm.forward(add(typed, this.#positions(context)));
  }

  #positions({ batch: { mask, positions, width, texts = [] } }: ForwardContext): Tensor {
    const { weight } = this.position_embeddings;
    const pad = this.#offset - 1;
    if (pad >= 0 && texts.some((ids) => ids.includes(pad))) {
      return gather(weight.value, positionsBesidePads(positions, texts, pad));
    }
    if (this.#offset === 0 || mask === undefined) {
      return slice(weight.value, 0, this.#offset, this.#offset + width);
    }
    const scalars = [this.#offset, pad];
    return gather(weight.value, apply(positionRows, [positions, mask], { scalars })[0]!);
  }
}
