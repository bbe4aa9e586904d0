import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import {
  dropoutPlan,
  type Method,
  methods,
  type PlanOptions,
  type SiteOptions,
} from "../../../nn/dropout/methods.ts";
import {
  activeAnywhere,
  activeIn,
  type DropoutPlan,
  type Position,
  positions,
  type Site,
} from "../../../nn/dropout/plan.ts";

const none = { kind: "none", weight: 1, branches: 1 } as const;
const sites = ({ sites }: DropoutPlan) =>
  sites.map(({ position, structure, rate }) => `${structure} ${position} ${rate}`);

Deno.test("plan() of each method is what the paper says", () => {
  const expected: Record<Method, [string[], string]> = {
    "lora": [[], "none"],
    "lora-dropout": [["element lora 0.1"], "none"],
    "dropkey": [["column logits 0.1"], "none"],
    "dropattention": [["column weights 0.1"], "none"],
    "hiddencut": [["element hidden 0.1"], "none"],
    "hiddenkey-": [["column logits 0.1", "element hidden 0.1"], "none"],
    "hiddenkey": [["column logits 0.1", "element hidden 0.1"], "kl"],
  };
  for (const method of methods) {
    const found = dropoutPlan(method, false);
    assertEquals([sites(found), found.compensation.kind], expected[method], method);
    assertEquals([found.compensation.weight, found.compensation.branches], [1, 1]);
  }
});

Deno.test("plan() drops in all layers of encoders and the latter half of decoders", () => {
  const layers = (decoder: boolean, options: PlanOptions = {}) =>
    dropoutPlan("hiddenkey", decoder, options).sites.map((site) => site.layers);
  assertEquals(layers(false), ["all", "all"]);
  assertEquals(layers(true), ["latter-half", "latter-half"]);
  assertEquals(layers(true, { layers: "all" }), ["all", "all"]);
  assertEquals(layers(false, { layers: [1, 3] }), [[1, 3], [1, 3]]);
  // LoRA dropout is not the paper's: it acts in all layers of any model, beside other sites too.
  const lora = (options: PlanOptions = {}) =>
    dropoutPlan("lora-dropout", true, options).sites.map((site) => site.layers);
  assertEquals(lora(), ["all"]);
  assertEquals(lora({ rate: { lora: 0.1, logits: 0.1 } }), ["all", "latter-half"]);
  assertEquals(lora({ layers: "latter-half" }), ["latter-half"]);
  const rate = { rank: 0.1, update: 0.1, hidden: 0.1, output: 0.1 };
  assertEquals(lora({ rate }), ["all", "all", "all", "latter-half", "all"]);
});

Deno.test("plan() takes one rate, or rates by position, which add sites of their own", () => {
  assertEquals(sites(dropoutPlan("hiddenkey-", false, { rate: 0.2 })), [
    "column logits 0.2",
    "element hidden 0.2",
  ]);
  assertEquals(
    sites(dropoutPlan("hiddenkey-", false, { rate: { hidden: 0.3, output: 0.25, input: 0.5 } })),
    [
      "column logits 0.1",
      "element hidden 0.3",
      "element output 0.25",
      "element input 0.5",
    ],
  );
  assertEquals(sites(dropoutPlan("lora", false, { rate: 0.4 })), []);
});

Deno.test("a site's own settings win over those of all, and what it leaves out is theirs", () => {
  const options = { rate: 0.2, structure: "span", layers: [1] } as const;
  const own = { position: "hidden", structure: "column", rate: 0.3, layers: [0] } as const;
  const silent = { position: "logits", structure: undefined, rate: undefined, layers: undefined };
  const site = [own, silent as unknown as SiteOptions];
  assertEquals(dropoutPlan("hiddenkey-", false, { ...options, site }).sites, [
    { position: "logits", structure: "span", rate: 0.2, layers: [1] },
    own,
  ]);
});

Deno.test("plan() leaves out sites of rate 0, but not spans of a given length", () => {
  assertEquals(sites(dropoutPlan("hiddenkey", false, { rate: 0 })), []);
  assertEquals(sites(dropoutPlan("hiddenkey", false, { rate: { logits: 0 } })), [
    "element hidden 0.1",
  ]);
  const spans = dropoutPlan("dropkey", false, { rate: 0, structure: "span", spanLength: 3 });
  assertEquals(spans.sites, [
    { position: "logits", structure: "span", rate: 0, layers: "all", spanLength: 3 },
  ]);
});

Deno.test("plan() lets what a site says go before what is said of all, and the rest stand", () => {
  const options: PlanOptions = {
    rate: 0.2,
    structure: "column",
    layers: "all",
    site: [{ position: "hidden", structure: "span", rate: 0.4, layers: [1] }],
  };
  const logits = { position: "logits", structure: "column", rate: 0.2, layers: "all" };
  const hidden = { position: "hidden", structure: "span", rate: 0.4, layers: [1] };
  const found = dropoutPlan("hiddenkey", true, options).sites;
  assertEquals<unknown>(found, [logits, hidden]);
  // By position too; and a site that says nothing takes all of it.
  const byPosition = { ...options, rate: { hidden: 0.3, logits: 0.2 } };
  assertEquals(dropoutPlan("hiddenkey", true, byPosition).sites, found);
  const silent: PlanOptions = { ...options, site: [{ position: "hidden" }] };
  assertEquals<unknown>(dropoutPlan("hiddenkey", true, silent).sites, [
    logits,
    { ...logits, position: "hidden" },
  ]);
});

Deno.test("plan() drops in LoRA's updates and outside of layers everywhere, elsewhere in half", () => {
  const layersAt = (position: Position) =>
    dropoutPlan("lora", true, { site: [{ position }] }).sites[0]!.layers;
  for (const position of positions) {
    const half = ["logits", "weights", "hidden"].includes(position);
    assertEquals(layersAt(position), half ? "latter-half" : "all", position);
  }
});

Deno.test("plan() passes an option on to the sites that read it", () => {
  const options = { structure: "span", point: "inner", perHead: false } as const;
  const site = { structure: "span", rate: 0.1, layers: "all" } as const;
  const changed = { ...options, nograd: false, compensation: "js", kl: 0.5 } as const;
  assertEquals(dropoutPlan("hiddenkey", false, changed), {
    sites: [
      { position: "logits", ...site, perHead: false },
      { position: "hidden", ...site, point: "inner" },
    ],
    compensation: { kind: "js", weight: 0.5, branches: 1 },
  });
  assertEquals(dropoutPlan("lora", true, { compensation: "kl", branches: 2, kl: 0 }), {
    sites: [],
    compensation: { kind: "kl", weight: 0, branches: 2 },
  });
  assertEquals(dropoutPlan("lora", true).compensation, none);
});

Deno.test("plan() gives NoGrad to weights that are divided by what is kept, and to no others", () => {
  const weights = (site: Partial<Site>, nograd?: boolean) =>
    dropoutPlan("dropattention", false, {
      ...(nograd !== undefined && { nograd }),
      site: [{ position: "weights", ...site }],
    }).sites;
  const column = { position: "weights", structure: "column", rate: 0.1, layers: "all" } as const;
  assertEquals(weights({}, false), [{ ...column, nograd: false }]);
  assertEquals(weights({ nograd: true }, false), [{ ...column, nograd: true }]);
  for (const rescale of [true, false]) {
    assertEquals(weights({ rescale }, true), [{ ...column, rescale }]);
    assertThrows(
      () => weights({ rescale, nograd: true }),
      OptionError,
      "Cannot drop column weights as nograd requires weights without rescale: found true",
    );
  }
});

Deno.test("plan() refuses switches that are neither true nor false, and a position given twice", () => {
  const site = (change: Record<string, unknown>) =>
    dropoutPlan("lora", false, { site: [{ position: "hidden", ...change }] });
  for (const name of ["rescale", "perExample"]) {
    const text = `${name} requires one of true, false: found 1`;
    assertThrows(() => site({ [name]: 1 }), OptionError, text);
  }
  const twice = [{ position: "hidden" }, { position: "hidden", rate: 0.2 }] as const;
  assertThrows(
    () => dropoutPlan("lora", false, { site: twice }),
    OptionError,
    "Cannot drop hidden as one site a position is required: found 2",
  );
});

Deno.test("plan() refuses rates outside [0, 1) and weights below 0", () => {
  for (const rate of [-0.1, 1, 1.5, NaN, Infinity]) {
    const text = `Cannot drop logits as the rate must lie in [0, 1): found ${rate}`;
    assertThrows(() => dropoutPlan("dropkey", false, { rate }), OptionError, text);
    assertThrows(
      () => dropoutPlan("dropkey", false, { rate: { logits: rate } }),
      OptionError,
      text,
    );
    const anything = text.replace("logits", "anything");
    assertThrows(() => dropoutPlan("lora", false, { rate }), OptionError, anything);
  }
  for (const kl of [-1, NaN, Infinity]) {
    assertThrows(
      () => dropoutPlan("hiddenkey", false, { kl }),
      OptionError,
      `Cannot weigh the compensation by ${kl}: at least 0 is required`,
    );
  }
});

Deno.test("plan() refuses a span length that is no positive integer", () => {
  for (const spanLength of [-1, 0, 1.5, NaN]) {
    assertThrows(
      () => dropoutPlan("dropkey", false, { structure: "span", spanLength }),
      OptionError,
    );
  }
});

Deno.test("activeIn() counts the latter half from the middle, for even and odd numbers", () => {
  const active = (layers: Site["layers"], count: number) =>
    Array.from({ length: count }, (_, layer) => layer).filter((layer) =>
      activeIn({ position: "hidden", structure: "element", rate: 0.1, layers }, layer, count)
    );
  // Layers >= count / 2.
  assertEquals(active("latter-half", 24), [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
  assertEquals(active("latter-half", 5), [3, 4]);
  assertEquals(active("latter-half", 1), []);
  assertEquals(active("latter-half", 2), [1]);
  assertEquals(active("all", 3), [0, 1, 2]);
  assertEquals(active([0, 2, 9], 3), [0, 2]);
});

Deno.test("activeIn() is always true outside the layers", () => {
  for (const layers of ["all", "latter-half", [1]] as const) {
    const site: Site = { position: "output", structure: "element", rate: 0.1, layers };
    assertEquals(activeIn(site, undefined, 4), true);
  }
});

Deno.test("what lies outside of the layers is dropped in all of them, whatever --layers says", () => {
  for (const position of ["input", "output"] as const) {
    for (const layers of [undefined, "latter-half", [0]] as const) {
      const site = [{ position, rate: 0.2 }];
      const { sites } = dropoutPlan("lora", true, { site, ...(layers && { layers }) });
      assertEquals(sites.map((each) => each.layers), ["all"]);
      assertEquals([1, 2, 3].map((count) => activeAnywhere(sites[0]!, count)), [true, true, true]);
      if (layers === undefined) continue;
      assertThrows(
        () => dropoutPlan("lora", true, { site: [{ position, layers }] }),
        OptionError,
        `Cannot drop ${position} in some layers as it lies outside of them: all is required, found`,
      );
    }
  }
});

Deno.test("activeAnywhere() is false where no layer of the model is named", () => {
  const active = (layers: Site["layers"], count: number) =>
    activeAnywhere({ position: "hidden", structure: "element", rate: 0.1, layers }, count);
  assertEquals([1, 2].map((count) => active("latter-half", count)), [false, true]);
  assertEquals([2, 3].map((count) => active([2], count)), [false, true]);
  assertEquals([active("all", 1), active([], 4)], [true, false]);
});

Deno.test("words and numbers that mean nothing are refused by the option's name", () => {
  const refuse = (options: Record<string, unknown>, text: string, method: string = "hiddenkey") =>
    assertThrows(
      () => dropoutPlan(method as Method, false, options as PlanOptions),
      OptionError,
      text,
    );
  refuse({}, "method requires one of lora, lora-dropout", "hiddendrop");
  refuse(
    { structure: "row" },
    'structure requires one of element, column, span, feature: found "row"',
  );
  refuse({ compensation: "mse" }, "compensation requires one of none, kl, js");
  refuse({ branches: 3 }, "branches requires one of 1, 2: found 3");
  refuse({ point: "input" }, "point requires one of output, inner");
  refuse({ layers: "first-half" }, "layers requires one of all, latter-half");
  for (const instances of [0, 1.5, "2"]) {
    refuse({ instances }, "Cannot draw masks as instances requires an integer from 1: found");
  }
  for (const layers of [[-1], [0.5], ["1"], [[0]]]) refuse({ layers }, "layers requires numbers");
  for (const rate of [-0.1, 1, NaN, "0.1", null]) {
    refuse({ rate: { hidden: rate } }, "Cannot drop hidden as the rate must lie in [0, 1)");
  }
});
