import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { loraLayers, LoraLinear } from "../../../nn/lora/lora.ts";
import { tinyConfig } from "../../support/tiny_models.ts";
import { classifier } from "../../../nn/models/registry.ts";
import { applyLora, layerOf, type LoraOptions } from "../../../nn/lora/apply.ts";

const path = (layer: number, name: string) => `bert.encoder.layer.${layer}.attention.self.${name}`;

/** Rank and factor of each adapted layer of a tiny BERT. */
function layersOf(options: Partial<LoraOptions>): [string, number, number][] {
  const model = classifier(tinyConfig("bert"));
  applyLora(model, { targets: ["query", "key"], rank: 4, alpha: 8, ...options });
  return loraLayers(model).map(([name, { rank, scaling }]) => [name, rank, scaling]);
}

Deno.test("adapt() gives layers ranks and alphas of their own, by path or its ending", () => {
  assertEquals(layersOf({ ranks: { "layer.1.attention.self.query": 2, key: 16 } }), [
    [path(0, "query"), 4, 2],
    [path(0, "key"), 16, 0.5],
    [path(1, "query"), 2, 4],
    [path(1, "key"), 16, 0.5],
  ]);
  const both = { ranks: { query: 16 }, alphas: { [path(0, "query")]: 2, query: 4 }, rslora: true };
  assertEquals(layersOf({ targets: ["query"], ...both }), [
    [path(0, "query"), 16, 2 / 4],
    [path(1, "query"), 16, 4 / 4],
  ]);
  // An ending begins after a dot.
  assertEquals(layersOf({ targets: ["key"], ranks: { ey: 1 } }).map(([, rank]) => rank), [4, 4]);
});

Deno.test("adapted layers know the number of their layer, however many there are", () => {
  const model = classifier(tinyConfig("bert", { num_hidden_layers: 23 }));
  applyLora(model, { targets: ["query"], rank: 1, alpha: 1 });
  const places = loraLayers(model).map(([, { place }]) => place);
  assertEquals(
    places,
    Array.from({ length: 23 }, (_, layer) => ({ path: path(layer, "query"), layer, layers: 23 })),
  );
  assertEquals(["classifier.dense", "h2.10.mlp", "h.107.mlp.c_fc"].map(layerOf), [
    undefined,
    10,
    107,
  ]);
});

Deno.test("adapt() leaves out modules and all below them", () => {
  const found = layersOf({ exclude: ["layer.0", path(1, "quer")] }).map(([name]) => name);
  assertEquals(found, [path(1, "query"), path(1, "key")]);
  const roberta = classifier(tinyConfig("roberta"));
  const options = { targets: ["dense"], rank: 1, alpha: 1, exclude: ["classifier"] };
  assertEquals(applyLora(roberta, options).filter((name) => name.startsWith("classifier")), []);
});

Deno.test("adapt() refuses ranks and alphas of single layers, and leaves the model as it was", () => {
  const model = classifier(tinyConfig("bert"));
  const attempt = (options: Partial<LoraOptions>) => () =>
    applyLora(model, { targets: ["query"], rank: 4, alpha: 8, ...options });
  assertThrows(attempt({ ranks: { "1.attention.self.query": 0 } }), OptionError, "with rank 0");
  assertThrows(attempt({ alphas: { "1.attention.self.query": -1 } }), OptionError, "alpha -1");
  assertThrows(attempt({ exclude: ["bert"] }), OptionError, "Cannot find target module query");
  assertEquals(loraLayers(model), []);
});

Deno.test("ranks and factors that mean nothing are refused", () => {
  for (const rank of [0, -1, 1.5, NaN, Infinity, 2 ** 53, "4" as unknown as number]) {
    assertThrows(() => layersOf({ rank }), OptionError, "a positive integer is required");
    assertThrows(() => layersOf({ ranks: { query: rank } }), OptionError, "Cannot adapt with rank");
    const options = { place: { path: "x", layers: 1 }, rank, scaling: 1 };
    assertThrows(() => new LoraLinear(new Linear(2, 2), options), OptionError, "with rank");
  }
  for (const alpha of [0, -1, NaN, Infinity]) {
    assertThrows(() => layersOf({ alpha }), OptionError, "a positive number is required");
  }
  for (const scaling of [NaN, Infinity]) {
    const options = { place: { path: "x", layers: 1 }, rank: 1, scaling };
    assertThrows(() => new LoraLinear(new Linear(2, 2), options), OptionError, "with scaling");
  }
});
