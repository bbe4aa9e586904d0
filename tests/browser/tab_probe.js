// Steps of HiddenKey with a quantised language model: plain JavaScript, as Deno and Chromium run it.

/** A few texts of any model: the same numbers of tokens for each vocabulary. */
function examplesOf(vocabulary) {
  return [9, 6].map((length, text) => ({
    ids: Array.from({ length }, (_, i) => (7919 * (i + 1) * (text + 3)) % vocabulary),
    predictFrom: 2,
  }));
}

/** Opens the CPU, and notes the largest tensor that it makes. */
function openNoting(library) {
  const backend = library.openCpu();
  const noted = { backend, largest: 0 };
  const allocate = backend.allocate.bind(backend);
  backend.allocate = (bytes) => {
    noted.largest = Math.max(noted.largest, bytes);
    return allocate(bytes);
  };
  return noted;
}

/**
 * Loads a model in fewer bits and trains it for some steps.
 *
 * @returns Losses, a digest of the adapter, bytes of tensors and seconds
 */
export async function trainQuantised(library, weights, config, { quantize, steps }) {
  const hk = library;
  const noted = openNoting(hk);
  const device = new hk.Device(noted.backend);
  const scope = device.scope("model");
  const key = hk.seedKey(1);
  const model = hk.languageModel(hk.parseConfig(config));
  const lora = { targets: ["q_proj", "v_proj"], rank: 8, alpha: 16 };
  hk.applyLora(model, lora);
  const started = performance.now();
  await hk.loadModel(model, weights, device, key, { quantize, half: true });
  const loaded = performance.now();
  const optimiser = new hk.AdamW(await hk.Trainable.of(model, device));
  const modelBytes = noted.backend.statistics.bytes;
  noted.largest = 0;
  const examples = examplesOf(config.vocab_size);
  const losses = [];
  for (let step = 0; step < steps; step++) {
    const own = device.scope("step");
    const batch = hk.toBatch(device, examples, { numbers: [2 * step, 2 * step + 1], padId: 0 });
    const { loss } = hk.trainStep({ model, optimiser }, [batch], hk.foldKey(key, step), {
      plan: hk.dropoutPlan("hiddenkey", true, { rate: 0.2, kl: 1 }),
      lr: 1e-2,
    });
    losses.push(await loss.item());
    own.close();
  }
  const ended = performance.now();
  const adapter = { ...lora, taskType: "CAUSAL_LM", modulesToSave: [] };
  const files = await hk.encodeAdapter(model, adapter);
  const digest = await crypto.subtle.digest("SHA-256", files["adapter_model.safetensors"]);
  scope.close();
  return {
    losses,
    digest: [...new Uint8Array(digest)].map((x) => x.toString(16).padStart(2, "0")).join(""),
    bytes: {
      model: modelBytes,
      peak: noted.backend.statistics.peakBytes,
      largestOfStep: noted.largest,
    },
    seconds: { load: (loaded - started) / 1000, steps: (ended - loaded) / 1000 },
  };
}
