/**
 * Regularisers that HiddenKey is compared with, each by the settings that belong to it as published:
 * what else a run is made of is left to other presets and options.
 *
 * **Sources**: each beside its settings. Where paper and released code differ, the settings are those
 * of the code, which made the published figures, and what the paper says is told beside them.
 *
 * @module
 */

import type { GivenConfig } from "./config.ts";

/** One regulariser. */
interface Regulariser {
  /** What help says of it. */
  readonly help: string;
  /** Its settings. */
  readonly settings: GivenConfig;
}

/** Masks of LoRA's matrices: whole features, not rescaled, one mask for all examples of a step. */
const ofMatrices = { structure: "feature", rate: 0.5, perExample: false, rescale: false } as const;

/** Masks of a Transformer's own dropout: single numbers in every layer, rescaled. */
const own = { structure: "element", rate: 0.1, layers: "all" } as const;

/** Regularisers by name, in the order of the help. */
export const regularisers = {
  /**
   * Lin et al. 2024 (arXiv 2404.09610): columns of A and rows of B, which is the input's and the
   * output's features, without a factor. Its authors released no code; the rate is that of the port
   * to kohya-ss/sd-scripts. The paper's loss is the mean over several draws, `--instances N`.
   */
  "lora-dropout-ab": {
    help: "LoRA Dropout: columns of A and rows of B, at 0.5, one mask a step, not rescaled",
    settings: {
      site: [{ position: "lora", ...ofMatrices }, { position: "update", ...ofMatrices }],
    },
  },
  /**
   * Zhang 2025 (arXiv 2508.17337). Its paper has one mask of the rank a step, without a factor, which
   * is `--site rank=feature,0.5,no-per-example,no-rescale`; its code, TayeeChang/DropLoRA, has
   * `nn.Dropout(0.5)` between A and B: a mask for each token, and survivors doubled.
   */
  "droplora": {
    help: "DropLoRA: elements between A and B, at 0.5, survivors rescaled",
    settings: { site: [{ position: "rank", structure: "element", rate: 0.5, rescale: true }] },
  },
  /** Jain et al. 2023 (arXiv 2310.05914): alpha is 5, 10 or 15 there. */
  "neftune": {
    help: "NEFTune: uniform noise on the word embeddings, alpha 5",
    settings: { neftuneAlpha: 5 },
  },
  /**
   * Liang et al. 2021 (arXiv 2106.14448), with the loss of the README of dropreg/R-Drop, KL taken a
   * mean over examples or target tokens. It acts on the Transformer's own dropout, 0.1 in BERT and
   * GPT-2: here that of embeddings, attention weights and feed-forward outputs.
   */
  "r-drop": {
    help: "R-Drop: KL between two passes that both learn, under the usual dropout of 0.1",
    settings: {
      site: [
        { position: "input", ...own },
        { position: "weights", ...own, rescale: true },
        { position: "hidden", ...own },
      ],
      compensation: "kl",
      branches: 2,
      kl: 1,
    },
  },
  /** Hayou et al. 2024 (arXiv 2402.12354), decaying what PEFT's optimiser for it decays. */
  "loraplus": {
    help: "LoRA+: B learns 16 times as fast as A",
    settings: { loraplusRatio: 16, decayExclude: ["bias", "norm"] },
  },
  /** Devlin et al. 2019, "BERT": 0.01, and neither biases nor norms. */
  "weight-decay": {
    help: "weight decay of 0.01, but of biases and norms",
    settings: { weightDecay: 0.01, decayExclude: ["bias", "norm"] },
  },
  /**
   * Szegedy et al. 2016. The uniform part includes the label, as that of transformers' LabelSmoother
   * and of microsoft/LoRA does.
   */
  "label-smoothing": {
    help: "label smoothing of 0.1, uniform over all classes or tokens",
    settings: { smoothing: 0.1 },
  },
} as const satisfies Readonly<Record<string, Regulariser>>;
/** A regulariser, by name. */
export type RegulariserName = keyof typeof regularisers;
