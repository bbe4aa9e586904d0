"""The models, their batches, and the cells: method, options, seed and step."""

SIZES = {
    "vocab_size": 23,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "pad_token_id": 0,
}


def ids(number, length):
    return [2 + (7 * number + 5 * t + number * t) % 21 for t in range(length)]


def texts(lengths, labels):
    """Examples of one batch with pads; their numbers in the global batch are not in order."""
    numbers = (5, 0, 2)
    return [
        {"number": number, "ids": ids(number, length), "label": label}
        for number, length, label in zip(numbers, lengths, labels)
    ]


def continued(lengths):
    return [
        {"number": number, "ids": ids(number, length), "predictFrom": max(1, length // 2)}
        for number, length in zip((4, 1, 3), lengths)
    ]


ENCODER = {**SIZES, "num_hidden_layers": 2, "hidden_act": "gelu", "num_labels": 3}
DECODER = {**SIZES, "num_hidden_layers": 3, "max_position_embeddings": 16, "num_labels": 3}
GPT2 = {**DECODER, "model_type": "gpt2", "activation_function": "gelu_new", "n_inner": 12}
LLAMA = {
    **DECODER,
    "model_type": "llama",
    "num_hidden_layers": 4,
    "hidden_act": "silu",
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
BERT = {**ENCODER, "model_type": "bert", "type_vocab_size": 2, "max_position_embeddings": 16}
MODELS = {
    "bert": {
        "config": BERT,
        "lora": {"targets": ["query", "value"], "rank": 2, "alpha": 4},
        "examples": texts((6, 3, 5), (2, 0, 1)),
    },
    "roberta": {
        "config": {
            **ENCODER,
            "model_type": "roberta",
            "type_vocab_size": 1,
            "pad_token_id": 1,
            "max_position_embeddings": 18,
            "num_labels": 1,
        },
        "lora": {"targets": ["query", "value"], "rank": 2, "alpha": 3, "rslora": True},
        "regression": True,
        "examples": texts((4, 7, 3), (0.5, -1.25, 2)),
    },
    "gpt2": {
        "config": GPT2,
        "lora": {"targets": ["c_attn.q", "c_attn.v"], "rank": 2, "alpha": 4},
        "language": True,
        "examples": continued((6, 3, 7)),
    },
    "gpt2-regression": {
        "config": {**GPT2, "num_hidden_layers": 2, "num_labels": 1},
        "lora": {"targets": ["c_attn.q", "c_attn.v"], "rank": 2, "alpha": 4},
        "regression": True,
        "examples": texts((5, 3, 6), (1, -0.5, 0.25)),
    },
    "llama": {
        "config": LLAMA,
        "lora": {"targets": ["q_proj", "v_proj"], "rank": 2, "alpha": 4},
        "language": True,
        "examples": continued((5, 7, 4)),
    },
    # Without padding, whose queries take part in what attention points at.
    "llama-whole": {
        "config": {**LLAMA, "num_hidden_layers": 2},
        "lora": {"targets": ["q_proj", "v_proj"], "rank": 2, "alpha": 4},
        "language": True,
        "examples": continued((7, 7, 7)),
    },
    "bert-whole": {
        "config": BERT,
        "lora": {"targets": ["query", "value"], "rank": 2, "alpha": 4},
        "examples": texts((8, 8, 8), (2, 0, 1)),
    },
}


def site(position, structure, **settings):
    return {"position": position, "structure": structure, **settings}


# By model: method, options, and what else a cell has. Rates are high, so that every rule acts.
COMMON = [
    ("lora-dropout", {"rate": 0.3}, {}),
    ("lora-dropout", {"rate": 0.4, "structure": "feature"}, {}),
    ("dropkey", {"rate": 0.3}, {}),
    ("dropkey", {"rate": 0.4, "structure": "element"}, {}),
    ("dropkey", {"rate": 0.35, "structure": "span"}, {}),
    ("dropattention", {"rate": 0.3}, {}),
    ("dropattention", {"rate": 0.3, "structure": "element", "nograd": False}, {}),
    ("dropattention", {"rate": 0.5, "structure": "span"}, {}),
    ("hiddencut", {"rate": 0.2}, {}),
    ("hiddencut", {"rate": 0.25, "point": "inner", "structure": "column"}, {}),
    ("hiddenkey-", {"rate": 0.15}, {"smoothing": 0.1}),
    ("hiddenkey", {"rate": {"logits": 0.3, "hidden": 0.1}, "kl": 0.7}, {}),
    ("hiddenkey", {"rate": 0.2, "kl": 1.5, "branches": 2}, {"step": 41}),
    ("hiddenkey", {"rate": 0.25, "compensation": "js", "kl": 2}, {}),
]
OWN = {
    "bert": [
        ("lora", {}, {"smoothing": 0.2}),
        ("lora", {"compensation": "kl"}, {}),
        ("lora", {"site": [site("rank", "element", rate=0.4)]}, {}),
        ("lora", {"site": [site("update", "column", rate=0.4, rescale=True)]}, {}),
        ("lora", {"site": [site("input", "span", rate=0.4)]}, {}),
        ("lora", {"site": [site("input", "column", rate=0.4)], "rate": 0.2}, {}),
        ("lora", {"site": [site("output", "feature", rate=0.4)]}, {}),
        ("dropattention", {"rate": 0.4, "site": [site("weights", "column", rescale=True)]}, {}),
        ("dropkey", {"rate": 0.3, "perHead": False}, {}),
        ("dropkey", {"rate": {"logits": 0.3, "weights": 0.4}}, {}),
        ("hiddencut", {"rate": 0.1, "structure": "span"}, {}),
        ("hiddencut", {"rate": 0.3, "spanLength": 2, "structure": "span"}, {"step": 7}),
        ("hiddenkey-", {"rate": {"logits": 0.2, "hidden": 0.2, "output": 0.3}, "layers": [1]}, {}),
    ],
    "roberta": [
        ("lora", {"site": [site("input", "feature", rate=0.4)]}, {}),
        ("lora", {"site": [site("output", "element", rate=0.3)], "compensation": "kl"}, {}),
        ("lora", {"site": [site("update", "feature", rate=0.4)]}, {}),
        ("dropkey", {"rate": 0.4, "structure": "span", "perHead": False}, {}),
        (
            "hiddencut",
            {"compensation": "kl", "site": [site("hidden", "element", rate=0.3, perExample=False)]},
            {},
        ),
        ("hiddenkey", {"rate": 0.3, "layers": [0], "kl": 0.5}, {"step": 8}),
    ],
    "gpt2": [
        ("lora", {"site": [site("rank", "feature", rate=0.4)]}, {}),
        ("lora", {"rate": {"update": 0.3}, "site": [site("rank", "span", rate=0.4)]}, {}),
        (
            "lora",
            {"site": [site("input", "column", rate=0.3, perExample=False)]},
            {"smoothing": 0.1},
        ),
        ("lora", {"site": [site("input", "span", rate=0.3, hide=False)]}, {}),
        ("lora", {"site": [site("output", "column", rate=0.3)]}, {}),
        ("dropattention", {"rate": 0.4, "site": [site("weights", "element", rescale=False)]}, {}),
        ("dropkey", {"rate": 0.3, "layers": "all"}, {}),
        ("dropkey", {"rate": 0.3, "layers": [0, 2]}, {"step": 1}),
    ],
    "bert-whole": [
        ("hiddencut", {"site": [site("hidden", "span", rate=0.3, start="attention")]}, {}),
        (
            "hiddenkey-",
            {"rate": 0.4, "point": "inner", "site": [site("hidden", "span", start="attention")]},
            {},
        ),
    ],
    "llama-whole": [
        (
            "hiddenkey",
            {"layers": "all", "site": [site("hidden", "span", rate=0.5, start="attention")]},
            {},
        ),
    ],
    "gpt2-regression": [
        ("hiddenkey", {"rate": 0.3}, {}),
        ("hiddenkey", {"rate": 0.2, "branches": 2, "kl": 0.1}, {}),
        ("hiddenkey", {"rate": 0.3, "compensation": "js"}, {}),
    ],
    "llama": [
        ("lora", {"site": [site("rank", "column", rate=0.4)]}, {}),
        ("lora", {"site": [site("update", "span", rate=0.4, layers=[1, 3])]}, {}),
        ("lora", {"site": [site("input", "element", rate=0.2)]}, {}),
        ("lora", {"site": [site("output", "span", rate=0.3)], "compensation": "kl"}, {}),
        ("dropkey", {"rate": 0.4, "site": [site("input", "column", rate=0.3, rescale=True)]}, {}),
        ("dropattention", {"rate": {"logits": 0.4, "weights": 0.4}, "structure": "span"}, {}),
        ("dropattention", {"rate": 0.3, "nograd": False, "perHead": False, "layers": "all"}, {}),
        ("dropkey", {"rate": 0.4, "structure": "element", "perHead": False, "layers": "all"}, {}),
        (
            "hiddencut",
            {"rate": 0.3, "site": [site("hidden", "span", layers=[0, 3], perExample=False)]},
            {"step": 2},
        ),
    ],
}


def cells_of(model):
    common = COMMON if model in ("bert", "roberta", "gpt2", "llama") else []
    for number, (method, options, more) in enumerate(common + OWN[model]):
        if MODELS[model].get("regression"):
            more = {key: value for key, value in more.items() if key != "smoothing"}
        cell = {"model": model, "method": method, "options": options}
        yield {**cell, "seed": number, "step": 3, **more}


CELLS = [cell for model in MODELS for cell in cells_of(model)]
