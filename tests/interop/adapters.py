"""Writes tiny random models with adapters of many kinds, as transformers and PEFT save them.

Argument: a new folder. It gets one folder a base model and one a case with the adapter. Prints a list
of {case, base, adapter} as JSON.
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from peft import LoraConfig, get_peft_model

SIZES = {
    "vocab_size": 40,
    "hidden_size": 12,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 20,
}
GPT2 = {"vocab_size": 40, "n_embd": 12, "n_layer": 3, "n_head": 2, "n_inner": 20, "n_positions": 20}
LABELS = {"num_labels": 3, "pad_token_id": 1}
ENDS = {"bos_token_id": 0, "eos_token_id": 2}

BASES = {
    "bert": (transformers.BertForSequenceClassification, transformers.BertConfig, {**SIZES, **LABELS}),
    "roberta": (
        transformers.RobertaForSequenceClassification,
        transformers.RobertaConfig,
        {**SIZES, **LABELS, "type_vocab_size": 1},
    ),
    "gpt2": (transformers.GPT2LMHeadModel, transformers.GPT2Config, {**GPT2, **ENDS}),
    "gpt2-classifier": (
        transformers.GPT2ForSequenceClassification,
        transformers.GPT2Config,
        {**GPT2, **ENDS, **LABELS},
    ),
    "llama": (
        transformers.LlamaForCausalLM,
        transformers.LlamaConfig,
        {**SIZES, **ENDS, "num_key_value_heads": 1, "attention_bias": True},
    ),
    "llama-classifier": (
        transformers.LlamaForSequenceClassification,
        transformers.LlamaConfig,
        {**SIZES, **ENDS, **LABELS},
    ),
}

ATTENTION = ["query", "key", "value"]
CASES = {
    "bert rank_pattern": ("bert", {
        "target_modules": [*ATTENTION, "dense"],
        "rank_pattern": {"layer.1.attention.self.query": 5, "attention.output.dense": 1,
                         "^bert.encoder.layer.0.attention.self.key": 2, r"layer\.[12]\..*value": 6},
    }),
    "bert alpha_pattern": ("bert", {
        "target_modules": ATTENTION,
        "alpha_pattern": {"key": 1, r"layer\.2\.attention\.self\.(query|value)": 20},
    }),
    "bert rslora with rank_pattern and alpha_pattern": ("bert", {
        "target_modules": ATTENTION,
        "use_rslora": True,
        "rank_pattern": {"query": 7},
        "alpha_pattern": {"query": 3.5, "layer.0.attention.self.value": 2},
    }),
    "bert modules_to_save pooler": ("bert", {
        "target_modules": ["query", "dense"],
        "modules_to_save": ["pooler"],
    }),
    "bert bias all": ("bert", {"target_modules": ["query", "output.dense"], "bias": "all"}),
    "bert bias lora_only": ("bert", {"target_modules": ["query", "dense"], "bias": "lora_only"}),
    "bert regex": ("bert", {"target_modules": r".*layer\.[02]\.attention.*\.(query|dense)"}),
    "bert named groups and lookahead": ("bert", {
        "target_modules": r"\A(?!.*layer\.1).*\.(?P<which>key|value)\Z",
    }),
    "bert all-linear": ("bert", {"target_modules": "all-linear"}),
    "bert exclude_modules list": ("bert", {
        "target_modules": ATTENTION,
        "exclude_modules": ["layer.0.attention.self.query", "value"],
    }),
    "bert exclude_modules regex": ("bert", {
        "target_modules": ATTENTION,
        "exclude_modules": r".*\.1\..*",
    }),
    "bert layers_to_transform": ("bert", {
        "target_modules": ATTENTION,
        "layers_to_transform": [0, 2],
        "layers_pattern": "layer",
    }),
    "bert gaussian": ("bert", {"target_modules": ["key"], "init_lora_weights": "gaussian"}),
    "roberta dense": ("roberta", {"target_modules": ["dense", "query"]}),
    "roberta bias all": ("roberta", {"target_modules": ["value"], "bias": "all"}),
    "roberta all-linear": ("roberta", {"target_modules": "all-linear"}),
    "gpt2 c_attn": ("gpt2", {"target_modules": ["c_attn"], "fan_in_fan_out": True}),
    "gpt2 default targets": ("gpt2", {"fan_in_fan_out": True}),
    "gpt2 bias lora_only": ("gpt2", {
        "target_modules": ["c_attn", "c_proj"],
        "fan_in_fan_out": True,
        "bias": "lora_only",
    }),
    "gpt2 bias all": ("gpt2", {"target_modules": ["c_fc"], "fan_in_fan_out": True, "bias": "all"}),
    "gpt2 modules_to_save lm_head": ("gpt2", {
        "target_modules": ["c_attn"],
        "fan_in_fan_out": True,
        "modules_to_save": ["lm_head"],
    }),
    "gpt2 modules_to_save wte": ("gpt2", {
        "target_modules": ["c_attn"],
        "fan_in_fan_out": True,
        "modules_to_save": ["wte"],
    }),
    "gpt2 lm_head": ("gpt2", {"target_modules": ["c_attn", "lm_head"], "fan_in_fan_out": True}),
    "gpt2 all-linear": ("gpt2", {"target_modules": "all-linear", "fan_in_fan_out": True}),
    "gpt2 layers_to_transform": ("gpt2", {
        "target_modules": ["c_attn", "c_proj"],
        "fan_in_fan_out": True,
        "layers_to_transform": 1,
    }),
    "gpt2-classifier c_attn": ("gpt2-classifier", {
        "target_modules": ["c_attn", "mlp.c_proj"],
        "fan_in_fan_out": True,
        "rank_pattern": {"mlp.c_proj": 2},
    }),
    "llama all-linear": ("llama", {"target_modules": "all-linear"}),
    "llama lm_head": ("llama", {"target_modules": ["q_proj", "lm_head"]}),
    "llama modules_to_save": ("llama", {
        "target_modules": ["q_proj", "down_proj"],
        "modules_to_save": ["embed_tokens", "lm_head", "post_attention_layernorm"],
    }),
    "llama bias all": ("llama", {"target_modules": ["v_proj", "gate_proj"], "bias": "all"}),
    "llama half precision": ("llama", {"target_modules": ["v_proj", "o_proj"]}),
    "llama-classifier regex": ("llama-classifier", {
        "target_modules": r"model\.layers\.(0|2)\.(self_attn\.[qv]_proj|mlp\.\w+_proj)",
        "use_rslora": True,
    }),
}


def randomise(parameters):
    for name, parameter in parameters:
        norm = parameter.dim() == 1 and name.endswith("weight")
        torch.nn.init.normal_(parameter, 1.0 if norm else 0.0, 0.1 if norm else 0.3)


def make(folder):
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    for name, (model, config, fields) in BASES.items():
        base = model(config(**fields))
        randomise(base.named_parameters())
        base.save_pretrained(folder / "bases" / name)
    made = []
    for number, (name, (base, fields)) in enumerate(CASES.items()):
        kind = BASES[base][0]
        half = "half" in name
        model = kind.from_pretrained(folder / "bases" / base, dtype="float16" if half else "float32")
        task = "CAUSAL_LM" if hasattr(model, "lm_head") else "SEQ_CLS"
        settings = {"r": 4, "lora_alpha": 6, "task_type": task, **fields}
        adapted = get_peft_model(model, LoraConfig(**settings), autocast_adapter_dtype=not half)
        randomise((n, p) for n, p in adapted.named_parameters() if p.requires_grad)
        adapted.save_pretrained(folder / f"adapter-{number}")
        made.append({"case": name, "base": f"bases/{base}", "adapter": f"adapter-{number}"})
    print(json.dumps(made))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
