import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import type { ModelConfig } from "../../../nn/models/model.ts";
import type { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";
import { paddingOf, specialTokens } from "../../../train/tasks/special_tokens.ts";

interface Tokens {
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
}

const tokenizerOf = (tokens: Tokens) => tokens as Tokenizer;
const configOf = ({ eosId, ...rest }: Tokens) =>
  ({ ...rest, eosIds: eosId === undefined ? [] : [eosId] }) as unknown as ModelConfig;

Deno.test("special tokens are the configuration's, else the tokenizer's; padding else the end", () => {
  const [own, other] = [{ bosId: 1, eosId: 2, padId: 3 }, { bosId: 4, eosId: 5, padId: 6 }];
  const found = (config: Tokens, tokenizer: Tokens) =>
    specialTokens(configOf(config), tokenizerOf(tokenizer));
  assertEquals(found(own, other), own);
  assertEquals(found({}, other), other);
  assertEquals(found(own, {}), own);
  assertEquals(found({ bosId: 1 }, other), { ...other, bosId: 1 });
  assertEquals(found({ padId: 0 }, other), { ...other, padId: 0 });
  assertEquals(found({ bosId: 1, eosId: 2 }, {}), { bosId: 1, eosId: 2, padId: 2 });
  // Qwen's and SmolLM3's configurations may name no beginning.
  assertEquals(found({ eosId: 1, padId: 3 }, {}), { bosId: 1, eosId: 1, padId: 3 });
  assertEquals(found({ eosId: 1 }, other), { ...other, eosId: 1 });
  for (const config of [{}, { bosId: 1 }]) {
    assertThrows(() => found(config, {}), OptionError, "an eos token is required: found none");
  }
});

Deno.test("a classifier pads by the tokenizer's padding, else its end, else anything", () => {
  assertEquals(paddingOf(tokenizerOf({ padId: 7, eosId: 8 })), 7);
  assertEquals(paddingOf(tokenizerOf({ eosId: 8 })), 8);
  assertEquals(paddingOf(tokenizerOf({})), 0);
});
