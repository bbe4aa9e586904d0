// What is compared between Deno, Node and Chromium: plain JavaScript, as all three run it as it is.

/** Runs the script of README's page where there is no page. */
export async function runPage(html, library, readFile) {
  const script = /<script type="module">([^]*)<\/script>/.exec(html)[1]
    .replace(/import \* as (\w+) from "[^"]*";/, "const $1 = library;");
  const links = [];
  const body = { innerText: "", append: (link) => links.push(link) };
  const surroundings = {
    library,
    document: { body, createElement: () => ({}) },
    fetch: async (path) => new Response(await readFile(path)),
    URL: { createObjectURL: (blob) => blob },
  };
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction(...Object.keys(surroundings), script)(...Object.values(surroundings));
  return await reportOf(body.innerText, links, (blob) => blob);
}

/** Reads what the page shows and offers once its script has run. */
export function readPage() {
  return reportOf(document.body.innerText, document.querySelectorAll("a"), fetch);
}

/** The losses, and the bytes of each file by its name. */
async function reportOf(text, links, open) {
  /** @type {Record<string, number[]>} */
  const files = {};
  for (const { download, href } of links) {
    files[download] = [...new Uint8Array(await (await open(href)).arrayBuffer())];
  }
  return { losses: [...text.matchAll(/loss (\S+)/g)].map(([, loss]) => Number(loss)), files };
}

/** What the browser's compiler says about WGSL texts; nothing where there is no WebGPU. */
export async function compileShaders(codes) {
  const adapter = await navigator.gpu?.requestAdapter();
  const has = adapter?.features.has("subgroups");
  const device = await adapter?.requestDevice({ requiredFeatures: has ? ["subgroups"] : [] });
  if (device === undefined) return [];
  const meant = codes.filter((code) => has || !code.startsWith("enable subgroups"));
  const infos = meant.map((code) => device.createShaderModule({ code }).getCompilationInfo());
  return (await Promise.all(infos)).flatMap(({ messages }, i) =>
    messages.map(({ message, lineNum }) => `${message}: ${meant[i].split("\n")[lineNum - 1]}`)
  );
}

/** Which elements and keys each structure drops, as text of zeros (dropped) and ones. */
export async function drawMasks(library, backend) {
  const { attentionWeights, Device, dropHidden, foldKey, seedKey, tensor } = library;
  const device = new Device(backend);
  const [batch, tokens, width] = [3, 7, 5];
  const ones = (shape) => {
    return tensor(device, new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
  };
  const words = (numbers) => tensor(device, numbers, [batch], "u32");
  /** @type {Record<string, string>} */
  const masks = {};
  for (const structure of ["element", "column", "span"]) {
    const active = (position) => ({
      site: { position, structure, rate: 0.4, layers: "all" },
      key: foldKey(seedKey(5), position),
      dropout: { examples: words([0, 3, 8]), lengths: words([7, 5, 6]) },
    });
    const logits = active("logits");
    const weights = attentionWeights(ones([batch, 2, 1, tokens, tokens]), {
      scale: 1,
      causal: false,
      logits,
      maximum: 16,
    });
    const hidden = dropHidden(ones([batch, tokens, width]), active("hidden"));
    for (const [position, kept] of Object.entries({ logits: weights, hidden })) {
      masks[`${position} ${structure}`] = Array.from(await kept.read(), (x) => x && 1).join("");
    }
  }
  return masks;
}
