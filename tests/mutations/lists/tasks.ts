/** Mutations of tasks and their evaluation. */

import type { Mutation } from "../mutation.ts";

/** Mutations of tasks and their evaluation. */
export const tasksMutations: readonly Mutation[] = [
  {
    name: "evaluation of classification drops",
    file: "train/tasks/finite_logits.ts",
    find: "  const logits = await model.forward(context).logits.read() as Floats;",
    replace: `  const { lengths } = context.batch;
  const sites = [{ position: "hidden", structure: "element", rate: 0.1, layers: "all" }] as const;
  const plan = { sites, compensation: { kind: "none", weight: 0, branches: 1 } } as const;
  const dropout = { plan, key: [1, 2], examples: lengths, lengths } as const;
  const logits = await model.forward({ ...context, dropout }).logits.read() as Floats;`,
    why: "an evaluation is a clean pass",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "evaluation of language models drops",
    file: "train/tasks/token_losses.ts",
    find: "      const losses = targetLosses(model, context);",
    replace: `      const { lengths } = context.batch;
      const sites = [{ position: "hidden", structure: "element", rate: 0.1, layers: "all" }] as const;
      const plan = { sites, compensation: { kind: "none", weight: 0, branches: 1 } } as const;
      const dropout = { plan, key: [1, 2], examples: lengths, lengths } as const;
      const losses = targetLosses(model, { ...context, dropout });`,
    why: "an evaluation is a clean pass",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "the dev loss is a mean of batches",
    file: "train/tasks/token_losses.ts",
    find: "const perToken = examples.length / countTargets(examples);",
    replace: "const perToken = 1;",
    why: "the mean is over target tokens",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "the dev loss is smoothed",
    file: "nn/objective/target_chunks.ts",
    find: "crossEntropy(model.forward(context).logits, labels)",
    replace: "crossEntropy(model.forward(context).logits, labels, 0.1)",
    why: "evaluations are without smoothing",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "perplexity is a power of two",
    file: "train/tasks/generation.ts",
    find: "perplexity: Math.exp(loss)",
    replace: "perplexity: 2 ** loss",
    why: "losses are in nats",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "references lack their end",
    file: "train/tasks/generation.ts",
    find: "const ids = [...prompt, ...answer, frame.eosId];",
    replace: "const ids = [...prompt, ...answer];",
    why: "models learn to end",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "the loss counts the separator",
    file: "train/tasks/generation.ts",
    find: "predictFrom: prompt.length }",
    replace: "predictFrom: prompt.length - 1 }",
    why: "the loss is on what follows bos",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "prompts lack bos",
    file: "train/tasks/continuation.ts",
    find: "{ special: false }).ids, bosId];",
    replace: "{ special: false }).ids].concat(bosId === 0 ? [] : []);",
    why: "bos parts context and reference",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "references lack their space",
    file: "train/tasks/generation.ts",
    find: "tokenizer.encode(` ${reference}`",
    replace: "tokenizer.encode(reference",
    why: "a reference begins with a space",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "generation happens at every evaluation",
    file: "train/tasks/generation.ts",
    find: "sampling === undefined && final && groups.length > 0;",
    replace: "sampling === undefined && groups.length > 0;",
    why: "it is costly",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "the lora convention does not end at a blank line",
    file: "train/tasks/continuation.ts",
    find: "(ending === undefined ? text : text.split(ending)[0]!)",
    replace: "text",
    why: "the recipe ends texts there",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "generation ignores the beams",
    file: "train/tasks/continuation.ts",
    find: `      beams,
      lengthPenalty,`,
    replace: "      lengthPenalty,",
    why: "--beams reaches the search",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "generation ignores the repetition penalty",
    file: "train/tasks/continuation.ts",
    find: `      repetitionPenalty,
      beamConvention`,
    replace: "      beamConvention",
    why: "--repetition-penalty reaches the search",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "results come in the order of batches",
    file: "train/tasks/classification.ts",
    find: "members.forEach((i, row) => results[i] = summarise(made[row]!));",
    replace:
      "members.forEach((_, row) => results[results.findIndex((x) => x === undefined)] = summarise(made[row]!));",
    why: "results are in the order of examples",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "continuations come in the order of batches",
    file: "train/tasks/continuation.ts",
    find: "members.forEach((i, row) => results[i] = made[row]!);",
    replace:
      "members.forEach((_, row) => results[results.findIndex((x) => x === undefined)] = made[row]!);",
    why: "results are in the order of contexts",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "ties go to the last class",
    file: "train/metrics/calibration.ts",
    find: "value > values[best]! ? i : best",
    replace: "value >= values[best]! ? i : best",
    why: "of equal logits the first class counts",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "scores are rounded",
    file: "train/metrics/predictive.ts",
    find: "return { mean, deviation:",
    replace: "return { mean: Math.round(mean), deviation:",
    why: "regression predicts any number",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "the dev set is the training set",
    file: "train/tasks/classification.ts",
    find: "const encoded = encodeExamples(dev, {",
    replace: "const encoded = encodeExamples(train, {",
    why: "the development data are evaluated",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "dev-limit is the training limit",
    file: "train/tasks/open.ts",
    find: `    dev: dev.slice(0, config.devLimit),
    tokenizer,`,
    replace: `    dev: dev.slice(0, config.trainLimit),
    tokenizer,`,
    why: "each limit has its data",
    tests: ["tests/train/tasks/open_test.ts"],
  },
  {
    name: "max-length is ignored",
    file: "train/tasks/open.ts",
    find: "const { maxLength = usual } = config;",
    replace:
      "const maxLength = config.maxLength === undefined ? usual : Math.max(usual, config.maxLength);",
    why: "--max-length cuts",
    tests: ["tests/train/tasks/open_test.ts"],
  },
  {
    name: "texts of generation are as short as others",
    file: "train/tasks/open.ts",
    find: "generates(config.task) ? ofTexts : 128",
    replace: "generates(config.task) ? 128 : 128",
    why: "E2E has 512 tokens",
    tests: ["tests/train/tasks/open_test.ts"],
  },
  {
    name: "three classes have an F1",
    file: "train/tasks/labelled.ts",
    find: "classes.length === 2 ?",
    replace: "classes.length >= 2 ?",
    why: "F1 is of two classes",
    tests: ["tests/train/tasks/labelled_test.ts"],
    sample: false,
  },
  {
    name: "scores of parts are of all texts",
    file: "train/tasks/generation.ts",
    find: "const lists = members.map(({ references }) => references);",
    replace: "const lists = rows.slice(0, members.length).map(({ references }) => references);",
    why: "each part has references of its own",
    tests: ["tests/train/tasks/evaluation_test.ts"],
  },
  {
    name: "predict numbers rows from one",
    file: "train/tasks/prediction_lines.ts",
    find: "return row(`${index}`, classes",
    replace: "return row(`${index + 1}`, classes",
    why: "rows keep their index",
    tests: ["tests/train/commands/cli_test.ts"],
  },
  {
    name: "special tokens of the tokenizer win",
    file: "train/tasks/special_tokens.ts",
    find: "config.bosId ?? tokenizer.bosId ?? eosId",
    replace: "tokenizer.bosId ?? config.bosId ?? eosId",
    why: "the model's configuration wins",
    tests: ["tests/train/tasks/special_tokens_test.ts"],
  },
  {
    name: "the padding is always the end",
    file: "train/tasks/special_tokens.ts",
    find: "padId: config.padId ?? tokenizer.padId ?? eosId",
    replace: "padId: eosId",
    why: "the model's own padding wins",
    tests: ["tests/train/tasks/special_tokens_test.ts"],
  },
  {
    name: "labels of the test split are read",
    file: "train/tasks/labelled.ts",
    find: `labelled
    ? { required: [...texts, label] }
    : { required: texts, optional: [label] }`,
    replace: `labelled
    ? { required: [...texts, label] }
    : { required: [...texts, label] }`,
    why: "test files may lack labels",
    tests: ["tests/train/tasks/unlabelled_test.ts"],
    sample: false,
  },
  {
    name: "padded texts of tables keep their space",
    file: "train/tasks/labelled.ts",
    find: "return padded ? cell.trimEnd() : cell;",
    replace: "return cell;",
    why: "SST-2's texts lose their space",
    tests: ["tests/train/tasks/unlabelled_test.ts"],
    sample: false,
  },
];
