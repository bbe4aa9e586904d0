/** Mutations of fine-tuning in the lab's page. */

import type { Mutation } from "../mutation.ts";

const page = "train/lab/page/fine_tune";
const runTests = ["tests/train/lab/fine_tune/fine_tune_test.ts"];
const faultTests = ["tests/train/lab/fine_tune/faults_page_test.ts"];
const serveTests = ["tests/train/lab/serve_test.ts"];
const fileTests = ["tests/train/lab/fine_tune/model_files_test.ts"];
const stateTests = ["tests/train/lab/state_test.ts"];

/** Mutations of fine-tuning in the lab's page. */
export const fineTuneMutations: readonly Mutation[] = [
  {
    name: "the page's run forgets its progress when it is stopped",
    file: `${page}/fine_tune.ts`,
    find: "this.#progress = result.progress;",
    replace: "",
    why: "what goes on is the run that never stopped",
    tests: runTests,
  },
  {
    name: "the page draws parameters by the seed alone",
    file: `${page}/fine_tune.ts`,
    find: 'foldKey(runKeys(config).initial, "initialisation")',
    replace: "runKeys(config).initial",
    why: "the library's run begins with other numbers",
    tests: runTests,
  },
  {
    name: "the page does not train the head",
    file: `${page}/fine_tune.ts`,
    find: "trainHead(model, drawn);",
    replace: "",
    why: "the head is trained whole",
    tests: runTests,
  },
  {
    name: "the page's masks follow the order's key",
    file: `${page}/fine_tune.ts`,
    find: "const { masks: key, order: orderKey } = runKeys(config);",
    replace:
      'const { order: orderKey } = runKeys(config);\n    const key = foldKey(orderKey, "x");',
    why: "masks are those of the library's run",
    tests: runTests,
  },
  {
    name: "the page answers when training is over",
    file: `${page}/fine_tune.ts`,
    find: `await onStep?.(record, steps);
          await this.#catchUp();`,
    replace: "await onStep?.(record, steps);",
    why: "who asks while a run trains is answered between two steps",
    tests: runTests,
  },
  {
    name: "the page answers logarithms",
    file: `${page}/fine_tune.ts`,
    find: "found!.logMean.map(Math.exp)",
    replace: "[...found!.logMean]",
    why: "probabilities have the sum 1",
    tests: runTests,
  },
  {
    name: "the page's tables hold nothing back",
    file: `${page}/prepare.ts`,
    find: "const devFraction = 0.2;",
    replace: "const devFraction = 0.05;",
    why: "a fifth judges",
    tests: runTests,
  },
  {
    name: "the page reads no pairs",
    file: `${page}/prepare.ts`,
    find: String.raw`return /\btext_b\b/.test(first) ?`,
    replace: "return first === undefined ?",
    why: "text_a and text_b are a pair",
    tests: runTests,
  },
  {
    name: "the page's demonstration is evaluated in other batches",
    file: `${page}/prepare.ts`,
    find: 'data.kind === "demo" && model.kind === "demo"\n    ?',
    replace: 'data.kind !== "demo" && model.kind === "demo"\n    ?',
    why: "its figures are the library's to the bit",
    tests: runTests,
  },
  {
    name: "a value that the address cannot hold is set",
    file: "train/lab/page/state.ts",
    find: "if (field.read(text) === undefined) return;",
    replace: "",
    why: "what is set can be read again",
    tests: stateTests,
  },
  {
    name: "a link may ask for any number of rates",
    file: "train/lab/page/fields.ts",
    find: "values.length >= fewest && values.length <= most &&",
    replace: "values.length >= fewest &&",
    why: "a link must not keep the page busy for hours",
    tests: stateTests,
  },
  {
    name: "no method chosen means the default ones",
    file: `${page}/choices.ts`,
    find: 'const named = text === "" ? [] : text.split(",");',
    replace: 'const named = text.split(",");',
    why: "what is trained is what is ticked",
    tests: stateTests,
  },
  {
    name: "the page may ask any host",
    file: "train/lab/policy.ts",
    find: `\`connect-src 'self' \${hubHosts.join(" ")}\`,`,
    replace: '"connect-src *",',
    why: "its own server and the hub alone are needed",
    tests: serveTests,
  },
  {
    name: "stopping a run that opens asks its worker",
    file: `${page}/runs.ts`,
    find: 'if (this.phase !== "opening") return void',
    replace: 'if (this.phase !== "done") return void',
    why: "a worker that opens a run forgets that it was stopped",
    tests: faultTests,
  },
  {
    name: "answers of earlier runs stay",
    file: `${page}/use_view.ts`,
    find: "this.#answers.replaceChildren();",
    replace: "",
    why: "runs that are trained anew have said nothing yet",
    tests: faultTests,
  },
  {
    name: "a link fetches its repository",
    file: `${page}/model_view.ts`,
    find: "mayFetch: name === fetched",
    replace: "mayFetch: true",
    why: "gigabytes come when someone asks for them",
    tests: faultTests,
  },
  {
    name: "curves that hardly differ have long labels",
    file: `${page}/curves.ts`,
    find: "const leastShare = 0.02;",
    replace: "const leastShare = 0;",
    why: "long labels are cut",
    tests: faultTests,
  },
  {
    name: "a table of any length is shown",
    file: `${page}/data_view.ts`,
    find: "const mostShown = 100_000;",
    replace: "const mostShown = 1e9;",
    why: "its layout takes seconds",
    tests: faultTests,
  },
  {
    name: "an axis ends at the passes that were asked for",
    file: `${page}/prepare.ts`,
    find: "epochs: steps / perEpoch,",
    replace: "epochs: config.epochs,",
    why: "a run of a few steps ends before",
    tests: faultTests,
  },
  {
    name: "what scrolls cannot have the focus",
    file: `${page}/controls.ts`,
    find: 'const attributes = { class: "scroll", tabindex: 0,',
    replace: 'const attributes = { class: "scroll", tabindex: -1,',
    why: "keys alone must reach it",
    tests: faultTests,
  },
  {
    name: "the page loads floats whatever is chosen",
    file: `${page}/fine_tune.ts`,
    find: "const options = { half, quantize, blank };",
    replace: "const options = { half: half && quantize === undefined, blank };",
    why: "weights in 4 bits take an eighth of the memory",
    tests: fileTests,
  },
  {
    name: "the page does not count what a step holds",
    file: `${page}/fine_tune.ts`,
    find: "tensorBytes(await plan.partsOf(config))",
    replace: "tensorBytes({ ...await plan.partsOf(config), step: 0 })",
    why: "what is said before is what is held",
    tests: fileTests,
  },
];
