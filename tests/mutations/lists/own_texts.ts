/** Mutations of the user's own texts for language models. */

import type { Mutation } from "../mutation.ts";

const golden = ["tests/train/tasks/own_golden_test.ts"];
const task = ["tests/train/tasks/own_texts_test.ts"];
const reading = ["tests/train/data/own_texts_test.ts"];

/** Mutations of the user's own texts for language models. */
export const ownTextMutations: readonly Mutation[] = [
  {
    name: "prompts are learned too",
    file: "train/tasks/own_prompts.ts",
    find: "return { ids, spans: [[start, ids.length]], isMerged: isSplit };",
    replace: "return { ids, spans: [[1, ids.length]], isMerged: isSplit };",
    why: "the loss is on the completion alone",
    tests: golden,
  },
  {
    name: "completions have no end",
    file: "train/tasks/own_prompts.ts",
    find: "ids.at(-1) === this.eosId ? ids : [...ids, this.eosId]",
    replace: "ids",
    why: "the model learns to stop",
    tests: golden,
  },
  {
    name: "an end that is there is added again",
    file: "train/tasks/own_prompts.ts",
    find: "ids.at(-1) === this.eosId ? ids : [...ids, this.eosId]",
    replace: "[...ids, this.eosId]",
    why: "one end is enough",
    tests: golden,
  },
  {
    name: "all of a conversation up to the last turn's end is one turn",
    file: "train/tasks/chat_template.ts",
    find: "return [before.length, after.length] as const;",
    replace: "return [0, after.length] as const;",
    why: "what the user says is not learned",
    tests: golden,
  },
  {
    name: "marks of a template change what it writes",
    file: "train/tasks/chat_template.ts",
    find: "{% if true %}{% endif ${behind}%}`;",
    replace: "`;",
    why: "the tags strip what stands around them",
    tests: golden,
  },
  {
    name: "a border where what follows changes tokens is taken too early",
    file: "train/tasks/own_prompts.ts",
    find: "if (decoded(ids.length) !== text) return { count: shared, isSplit: true };",
    replace: "if (text !== '') return { count: shared, isSplit: true };",
    why: "only a token over the border is learned with the turn",
    tests: golden,
  },
  {
    name: "a token over a border is lost",
    file: "train/tasks/own_prompts.ts",
    find: "return { count: isSplit ? enough - 1 : enough, isSplit };",
    replace: "return { count: enough, isSplit };",
    why: "it is learned with the completion",
    tests: task,
  },
  {
    name: "spans reach over the longest sequence",
    file: "train/tasks/own_texts.ts",
    find: "[start, Math.min(end, length)] as const",
    replace: "[start, end] as const",
    why: "what is cut is not learned",
    tests: task,
  },
  {
    name: "what has nothing left to learn is kept",
    file: "train/tasks/own_texts.ts",
    find: "if (countTokens(predictSpans) === 0) continue;",
    replace: "",
    why: "it is left out and counted",
    tests: task,
  },
  {
    name: "a lost token is not counted",
    file: "train/tasks/own_texts.ts",
    find: "count.lost += targets - countTokens(predictSpans);",
    replace: "count.lost += all.length - ids.length;",
    why: "predicted tokens are counted, not all",
    tests: task,
  },
  {
    name: "texts are written at every evaluation",
    file: "train/tasks/own_texts.ts",
    find: "const places = sampling === undefined && final ? written : [];",
    replace: "const places = sampling === undefined ? written : [];",
    why: "it is costly",
    tests: task,
  },
  {
    name: "a text with a prompt is taken for a text",
    file: "train/data/own_texts.ts",
    find: 'if (names === "text") return',
    replace: 'if (names.includes("text")) return',
    why: "both contradict each other",
    tests: reading,
  },
  {
    name: "a conversation without the assistant is trained on",
    file: "train/data/own_texts.ts",
    find: "if (answered && !messages.some(",
    replace: "if (answered && messages.some(",
    why: "nothing of it is learned",
    tests: reading,
  },
  {
    name: "a turn that ends does not end what is written",
    file: "train/tasks/own_prompts.ts",
    find: "return isSpecial ? [this.eosId, turnEnd] : [this.eosId];",
    replace: "return [this.eosId];",
    why: "a conversation goes on otherwise",
    tests: golden,
  },
];
