"""Tiny BERT, RoBERTa, GPT-2 and LLaMA with LoRA in float64, for one example without padding."""

import math

import torch

from draws import fold, seed_key, uniform
from dropping import softmax, weigh


class Model:
    """What the architectures share. Weights are uniform numbers by the path of the parameter."""

    def __init__(self, spec):
        self.config, self.lora = spec["config"], spec["lora"]
        self.regression = spec.get("regression", False)
        self.language = spec.get("language", False)
        names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
        self.width, self.layers, self.heads, self.inner = (self.config[name] for name in names)
        self.maximum = self.positions = self.config["max_position_embeddings"]
        self.size = self.width // self.heads
        self.key_heads = self.config.get("num_key_value_heads", self.heads)
        self.parameters, self.trained = {}, {}

    def weight(self, path, *shape):
        if path not in self.parameters:
            numbers = uniform(fold(seed_key(1), path), math.prod(shape))
            u = torch.tensor(numbers, dtype=torch.float64).reshape(shape)
            norm = len(shape) == 1 and path.endswith("weight")
            self.parameters[path] = 1 + 0.4 * (u - 0.5) if norm else 1.4 * (u - 0.5)
        return self.parameters[path]

    def adapted(self, path, *shape):
        if path not in self.trained:
            self.trained[path] = self.weight(path, *shape).clone().requires_grad_()
        return self.trained[path]

    def linear(self, x, path, outputs, bias=True):
        y = x @ self.weight(f"{path}.weight", outputs, x.shape[-1]).T
        return y + self.weight(f"{path}.bias", outputs) if bias else y

    def update(self, x, path, outputs, run, layer):
        """s B A x, with the dropout of its three positions; x is after the first of them."""
        rank = self.lora["rank"]
        down = self.adapted(f"{path}.lora_A.weight", rank, x.shape[-1])
        up = self.adapted(f"{path}.lora_B.weight", outputs, rank)
        scaling = self.lora["alpha"] / (math.sqrt(rank) if self.lora.get("rslora") else rank)
        inner = run.hidden(x @ down.T, "rank", path, layer)
        return run.hidden(scaling * (inner @ up.T), "update", path, layer)

    def projection(self, x, path, outputs, run, layer, bias=True):
        y = self.linear(x, path, outputs, bias)
        if path.split(".")[-1] not in self.lora["targets"]:
            return y
        return y + self.update(run.hidden(x, "lora", path, layer), path, outputs, run, layer)

    def layer_norm(self, x, path, epsilon):
        centred = x - x.mean(-1, keepdim=True)
        deviation = torch.sqrt((centred**2).mean(-1, keepdim=True) + epsilon)
        width = x.shape[-1]
        factor, summand = self.weight(f"{path}.weight", width), self.weight(f"{path}.bias", width)
        return centred / deviation * factor + summand

    def attend(self, q, k, v, run, layer, visible):
        """`visible[query][key]`; heads lie side by side in the last axis."""
        tokens, joined, masks, plain = q.shape[0], [], [], []
        for head in range(self.heads):
            own = slice(head * self.size, (head + 1) * self.size)
            shared = head // (self.heads // self.key_heads)
            keys = slice(shared * self.size, (shared + 1) * self.size)
            g = q[:, own] @ k[:, keys].T / math.sqrt(self.size)
            _, dropped = run.head_drops("logits", layer, tokens, head)
            site, removed = run.head_drops("weights", layer, tokens, head)
            rows = [weigh(g[i], visible[i], dropped[i], site, removed[i]) for i in range(tokens)]
            plain += [softmax(g[i], visible[i]).detach() for i in range(tokens)]
            masks += [bool(w > 0) for row in rows for w in row]
            joined.append(torch.stack(rows) @ v[:, keys])
        run.received = sum(plain).tolist()
        if run.site("logits", layer) or run.site("weights", layer):
            run.masks["attention"] = (f"layer.{layer}", layer, self.heads, masks)
        return torch.cat(joined, -1)

    def down(self, inner, path, run, layer, bias=True):
        """The last linear layer of the feed-forward module, with HiddenCut before or after it."""
        site, place = run.site("hidden", layer), f"layer.{layer}"
        if site and site.get("point") == "inner":
            return self.linear(run.hidden(inner, "hidden", place, layer), path, self.width, bias)
        return run.hidden(self.linear(inner, path, self.width, bias), "hidden", place, layer)

    def rows(self, ids, run):
        """Logits of an example in rows, and what of the last layer regression compares."""
        raise NotImplementedError


class Encoder(Model):
    def rows(self, ids, run):
        name = self.config["model_type"]
        x, n = self.embed(ids, name), len(ids)
        x = run.hidden(x, "input", "embeddings")
        visible = [run.shown(n)] * n
        for layer in range(self.layers):
            x = self.layer(x, f"{name}.encoder.layer.{layer}", run, layer, visible)
        return self.head(x[0], run), x[0]

    def embed(self, ids, name):
        path = f"{name}.embeddings"
        offset = self.config["pad_token_id"] + 1 if name == "roberta" else 0
        counts = (self.config["vocab_size"], self.positions, self.config["type_vocab_size"])
        names = ("word", "position", "token_type")
        words, positions, types = (
            self.weight(f"{path}.{kind}_embeddings.weight", count, self.width)
            for kind, count in zip(names, counts)
        )
        rows = [words[token] + positions[offset + t] + types[0] for t, token in enumerate(ids)]
        return self.layer_norm(torch.stack(rows), f"{path}.LayerNorm", 1e-12)

    def layer(self, x, path, run, layer, visible):
        q, k, v = (
            self.projection(x, f"{path}.attention.self.{part}", self.width, run, layer)
            for part in ("query", "key", "value")
        )
        attended = self.attend(q, k, v, run, layer, visible)
        out = f"{path}.attention.output"
        x = self.linear(attended, f"{out}.dense", self.width) + x
        x = self.layer_norm(x, f"{out}.LayerNorm", 1e-12)
        inner = self.linear(x, f"{path}.intermediate.dense", self.inner)
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        x = x + self.down(inner, f"{path}.output.dense", run, layer)
        return self.layer_norm(x, f"{path}.output.LayerNorm", 1e-12)


class Bert(Encoder):
    def head(self, first, run):
        pooled = torch.tanh(self.linear(first, "bert.pooler.dense", self.width))
        pooled = run.hidden(pooled, "output", "pooled")
        return self.linear(pooled, "classifier", self.config["num_labels"]).unsqueeze(0)


class Roberta(Encoder):
    def __init__(self, spec):
        super().__init__(spec)
        self.maximum = self.positions - (self.config["pad_token_id"] + 1)

    def head(self, first, run):
        first = run.hidden(first, "output", "pooled")
        inner = torch.tanh(self.linear(first, "classifier.dense", self.width))
        return self.linear(inner, "classifier.out_proj", self.config["num_labels"]).unsqueeze(0)


class Decoder(Model):
    def rows(self, ids, run):
        n = len(ids)
        words = self.weight(self.table, self.config["vocab_size"], self.width)
        x = run.hidden(self.embed(ids, words), "input", "embeddings")
        shown = run.shown(n)
        visible = [[k <= q and shown[k] for k in range(n)] for q in range(n)]
        for layer in range(self.layers):
            x = self.layer(x, run, layer, visible)
        x = run.hidden(self.last_norm(x), "output", "hidden")
        if self.language:
            return x @ self.output(words).T, None
        return self.linear(x[-1:], "score", self.config["num_labels"], False), x[-1]


class Gpt2(Decoder):
    table = "transformer.wte.weight"

    def output(self, words):
        return words

    def embed(self, ids, words):
        places = self.weight("transformer.wpe.weight", self.maximum, self.width)
        return torch.stack([words[token] + places[t] for t, token in enumerate(ids)])

    def linear(self, x, path, outputs, bias=True):
        """Weights of GPT-2 are stored `[inputs, outputs]`."""
        if path == "score":
            return super().linear(x, path, outputs, bias)
        return x @ self.weight(f"{path}.weight", x.shape[-1], outputs) + self.weight(
            f"{path}.bias", outputs
        )

    def layer(self, x, run, layer, visible):
        path = f"transformer.h.{layer}"
        normed = self.layer_norm(x, f"{path}.ln_1", 1e-5)
        fused = f"{path}.attn.c_attn"
        parts = list(self.linear(normed, fused, 3 * self.width).split(self.width, -1))
        dropped = run.hidden(normed, "lora", fused, layer)
        for i, part in enumerate("qkv"):
            if f"c_attn.{part}" in self.lora["targets"]:
                update = self.update(dropped, f"{fused}.{part}", self.width, run, layer)
                parts[i] = parts[i] + update
        attended = self.attend(*parts, run, layer, visible)
        x = x + self.linear(attended, f"{path}.attn.c_proj", self.width)
        normed = self.layer_norm(x, f"{path}.ln_2", 1e-5)
        inner = self.linear(normed, f"{path}.mlp.c_fc", self.inner)
        cubic = math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)
        inner = 0.5 * inner * (1 + torch.tanh(cubic))
        return x + self.down(inner, f"{path}.mlp.c_proj", run, layer)

    def last_norm(self, x):
        return self.layer_norm(x, "transformer.ln_f", 1e-5)


class Llama(Decoder):
    table = "model.embed_tokens.weight"

    def output(self, words):
        return self.weight("lm_head.weight", *words.shape)

    def embed(self, ids, words):
        return torch.stack([words[token] for token in ids])

    def rms_norm(self, x, path):
        scale = torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6)
        return x / scale * self.weight(f"{path}.weight", self.width)

    def rotate(self, x):
        """Turns halves of each head: pair i of position t by t / 10000^(2 i / size)."""
        half, turned = self.size // 2, []
        for t, row in enumerate(x):
            for head in row.split(self.size):
                angles = [t * 10000 ** (-2 * i / self.size) for i in range(half)]
                cosine = torch.tensor([math.cos(a) for a in angles], dtype=torch.float64)
                sine = torch.tensor([math.sin(a) for a in angles], dtype=torch.float64)
                a, b = head[:half], head[half:]
                turned += [a * cosine - b * sine, b * cosine + a * sine]
        return torch.cat(turned).reshape(x.shape)

    def layer(self, x, run, layer, visible):
        path = f"model.layers.{layer}"
        normed = self.rms_norm(x, f"{path}.input_layernorm")
        q, k, v = (
            self.projection(normed, f"{path}.self_attn.{part}_proj", outputs, run, layer, False)
            for part, outputs in (
                ("q", self.width),
                ("k", self.key_heads * self.size),
                ("v", self.key_heads * self.size),
            )
        )
        attended = self.attend(self.rotate(q), self.rotate(k), v, run, layer, visible)
        x = x + self.linear(attended, f"{path}.self_attn.o_proj", self.width, False)
        normed = self.rms_norm(x, f"{path}.post_attention_layernorm")
        gate = self.linear(normed, f"{path}.mlp.gate_proj", self.inner, False)
        up = self.linear(normed, f"{path}.mlp.up_proj", self.inner, False)
        inner = gate * torch.sigmoid(gate) * up
        return x + self.down(inner, f"{path}.mlp.down_proj", run, layer, False)

    def last_norm(self, x):
        return self.rms_norm(x, "model.norm")


ARCHITECTURES = {"bert": Bert, "roberta": Roberta, "gpt2": Gpt2, "llama": Llama}
