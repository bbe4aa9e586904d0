"""Makes the golden set: reference values for parity tests where no other data is present.

Each case is a folder with a tiny random base model, a LoRA adapter as PEFT writes it, and what
transformers and PEFT compute from them in float64. Needs torch, transformers 5.17.0, peft 0.21.0.
Run: python tests/golden/make.py, with the names of cases for those alone.
"""

import contextlib
import copy
import json
import os
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gemma3 import modeling_gemma3
from transformers.models.llama import modeling_llama
from transformers.models.mistral import modeling_mistral
from transformers.models.modernbert import modeling_modernbert
from transformers.models.phi import modeling_phi
from transformers.models.phi3 import modeling_phi3
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3
from transformers.models.smollm3 import modeling_smollm3

HERE = Path(__file__).resolve().parent
WIDTH, LAYERS, HEADS, VOCABULARY, INNER, POSITIONS = 12, 2, 2, 40, 20, 12
LENGTHS = (8, 5)
STEPS, WARMUP, PEAK_RATE, DECAY, EPSILON, BETAS, MAX_NORM = 4, 1, 0.01, 0.1, 1e-8, (0.9, 0.999), 1.0


def encoder_config(kind, positions=POSITIONS, **extra):
    return kind(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **extra,
    )


def gpt2_config():
    return transformers.GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        n_inner=INNER,
        n_positions=POSITIONS,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=VOCABULARY - 1,
        eos_token_id=VOCABULARY - 1,
    )


def llama_config(kind=transformers.LlamaConfig, **extra):
    return kind(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=1,
        max_position_embeddings=POSITIONS,
        bos_token_id=1,
        eos_token_id=2,
        **extra,
    )


def phi3_config(original, **extra):
    """Four of a head's six numbers turn, by other factors in rows of more tokens than `original`."""
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.7}
    rope |= {"short_factor": [1.25, 1.5], "long_factor": [2.5, 4.0]}
    return llama_config(
        transformers.Phi3Config,
        rope_parameters=rope,
        original_max_position_embeddings=original,
        pad_token_id=0,
        **extra,
    )


CASES = {
    "bert-classification": {
        "seed": 11,
        "model": transformers.BertForSequenceClassification,
        "config": lambda: encoder_config(transformers.BertConfig, num_labels=2),
        "lora": {"target_modules": ["key", "output.dense"], "r": 2, "lora_alpha": 6},
        "pad": 0,
        "pairs": True,
    },
    "roberta-regression-rslora": {
        "seed": 22,
        "model": transformers.RobertaForSequenceClassification,
        "config": lambda: encoder_config(
            transformers.RobertaConfig, num_labels=1, type_vocab_size=1, pad_token_id=1
        ),
        "lora": {"target_modules": ["query", "value"], "r": 4, "lora_alpha": 6, "use_rslora": True},
        "pad": 1,
    },
    # Longer than the distances that have a row of their own in the bias of the scores.
    "mpnet-classification": {
        "seed": 55,
        "model": transformers.MPNetForSequenceClassification,
        "config": lambda: encoder_config(transformers.MPNetConfig, num_labels=2, positions=24),
        "lora": {"target_modules": ["q", "v", "o"], "r": 2, "lora_alpha": 6},
        "pad": 1,
        "lengths": (21, 13),
        "eager": True,  # its only one, in the dtype of the model
    },
    # As version 3: distances that share rows of a normed table, with the projections of content.
    "deberta-classification": {
        "seed": 155,
        "model": transformers.DebertaV2ForSequenceClassification,
        "config": lambda: encoder_config(
            transformers.DebertaV2Config,
            positions=24,
            relative_attention=True,
            pos_att_type="p2c|c2p",
            position_buckets=8,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            position_biased_input=False,
            num_labels=2,
        ),
        "lora": {"target_modules": ["query_proj", "key_proj", "dense"], "r": 2, "lora_alpha": 6},
        "pad": 0,
        "lengths": (21, 13),
        "eager": True,
    },
    # All that version 3 leaves out, and distances of which those beyond the table share its ends.
    "deberta-regression": {
        "seed": 166,
        "model": transformers.DebertaV2ForSequenceClassification,
        "config": lambda: encoder_config(
            transformers.DebertaV2Config,
            relative_attention=True,
            max_relative_positions=5,
            pos_att_type=["c2p", "p2c"],
            embedding_size=8,
            type_vocab_size=2,
            conv_kernel_size=3,
            conv_act="gelu",
            pooler_hidden_act="relu",
            num_labels=1,
        ),
        "lora": {"target_modules": "all-linear", "r": 1, "lora_alpha": 2},
        "pad": 0,
        "pairs": True,
        "eager": True,
    },
    "gpt2-lm": {
        "seed": 33,
        "model": transformers.GPT2LMHeadModel,
        "config": gpt2_config,
        "lora": {"target_modules": ["c_attn"], "r": 2, "lora_alpha": 4, "fan_in_fan_out": True},
        "pad": VOCABULARY - 1,
    },
    "llama-lm": {
        "seed": 44,
        "model": transformers.LlamaForCausalLM,
        "config": llama_config,
        "lora": {"target_modules": ["q_proj", "v_proj", "down_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "modernbert-classification": {
        "seed": 111,
        "model": transformers.ModernBertForSequenceClassification,
        "config": lambda: transformers.ModernBertConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=8,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            max_position_embeddings=POSITIONS,
            local_attention=4,
            global_attn_every_n_layers=2,
            classifier_pooling="mean",
            num_labels=2,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            cls_token_id=1,
            sep_token_id=2,
        ),
        "lora": {"target_modules": ["Wqkv", "Wo"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "gemma3-lm": {
        "seed": 122,
        "model": transformers.Gemma3ForCausalLM,
        "config": lambda: llama_config(
            transformers.Gemma3TextConfig,
            head_dim=8,
            sliding_window=3,
            sliding_window_pattern=2,
            query_pre_attn_scalar=5,
            pad_token_id=0,
        ),
        "lora": {"target_modules": ["q_proj", "down_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "mistral-lm": {
        "seed": 66,
        "model": transformers.MistralForCausalLM,
        "config": lambda: llama_config(transformers.MistralConfig, sliding_window=3),
        "lora": {"target_modules": ["k_proj", "o_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "qwen2-lm": {
        "seed": 77,
        "model": transformers.Qwen2ForCausalLM,
        "config": lambda: llama_config(
            transformers.Qwen2Config,
            tie_word_embeddings=True,
            use_sliding_window=True,
            sliding_window=3,
            max_window_layers=1,
        ),
        "lora": {"target_modules": ["q_proj", "v_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "qwen3-lm": {
        "seed": 88,
        "model": transformers.Qwen3ForCausalLM,
        "config": lambda: llama_config(transformers.Qwen3Config, head_dim=8),
        "lora": {"target_modules": ["q_proj", "k_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "phi-lm": {
        "seed": 177,
        "model": transformers.PhiForCausalLM,
        "config": lambda: llama_config(
            transformers.PhiConfig, qk_layernorm=True, partial_rotary_factor=0.7
        ),
        "lora": {"target_modules": ["dense", "fc1"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "phi3-lm": {
        "seed": 133,
        "model": transformers.Phi3ForCausalLM,
        "config": lambda: phi3_config(11, sliding_window=4),
        "lora": {"target_modules": ["qkv_proj", "down_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "phi3-long-classification": {
        "seed": 144,
        "model": transformers.Phi3ForSequenceClassification,
        "config": lambda: phi3_config(7, num_labels=2),
        "lora": {"target_modules": ["gate_up_proj", "o_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
    "smollm3-lm": {
        "seed": 99,
        "model": transformers.SmolLM3ForCausalLM,
        "config": lambda: llama_config(
            transformers.SmolLM3Config, no_rope_layers=[1, 0], pad_token_id=0
        ),
        "lora": {"target_modules": ["q_proj", "gate_proj"], "r": 2, "lora_alpha": 4},
        "pad": 0,
    },
}


def exact_norm(self, x):
    return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.variance_epsilon)


@contextlib.contextmanager
def doubles():
    """Lets code that asks for float32 by name compute in float64."""
    kept = torch.float, torch.float32
    torch.float = torch.float32 = torch.float64
    try:
        yield
    finally:
        torch.float, torch.float32 = kept


def exact_partial_rotary(self, x, position_ids):
    """Of the first numbers of a head; those of LongRoPE by the batch's longest row, padding included."""
    config, rope = self.config, self.config.rope_parameters
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    turned = int(size * rope["partial_rotary_factor"])
    exponents = torch.arange(0, turned, 2, dtype=torch.float64) / turned
    divisors, factor = rope["rope_theta"] ** exponents, 1.0
    if rope["rope_type"] == "longrope":
        longest = int(position_ids.max()) + 1
        _, factor = ROPE_INIT_FUNCTIONS["longrope"](config, seq_len=longest)
        kind = "long" if longest > rope["original_max_position_embeddings"] else "short"
        divisors = divisors * torch.tensor(rope[f"{kind}_factor"], dtype=torch.float64)
    angles = position_ids[..., None].double() / divisors
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos() * factor, angles.sin() * factor


def exact_rotary(self, x, position_ids, layer_type=None):
    size = getattr(self.config, "head_dim", None) or (
        self.config.hidden_size // self.config.num_attention_heads
    )
    rope = self.config.rope_parameters
    rope = rope if layer_type is None else rope[layer_type]
    if rope["rope_type"] == "default":
        exponents = torch.arange(0, size, 2, dtype=torch.float64) / size
        frequencies, factor = rope["rope_theta"] ** -exponents, 1.0
    else:
        with doubles():
            scaled = ROPE_INIT_FUNCTIONS[rope["rope_type"]]
            frequencies, factor = scaled(self.config, layer_type=layer_type)
    angles = position_ids[..., None].double() * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos() * factor, angles.sin() * factor


# transformers computes both in float32, whatever the dtype of the model.
for family, module in {
    "Llama": modeling_llama,
    "Mistral": modeling_mistral,
    "Qwen2": modeling_qwen2,
    "Qwen3": modeling_qwen3,
    "SmolLM3": modeling_smollm3,
}.items():
    getattr(module, f"{family}RMSNorm").forward = exact_norm
    getattr(module, f"{family}RotaryEmbedding").forward = exact_rotary
modeling_phi.PhiRotaryEmbedding.forward = exact_partial_rotary
modeling_phi3.Phi3RMSNorm.forward = exact_norm
modeling_phi3.Phi3RotaryEmbedding.forward = exact_partial_rotary
modeling_gemma3.Gemma3RMSNorm.forward = lambda self, x: self._norm(x) * (1 + self.weight)
modeling_gemma3.Gemma3RotaryEmbedding.forward = exact_rotary
modeling_gemma3.Gemma3TextScaledWordEmbedding.forward = lambda self, ids: (
    torch.nn.Embedding.forward(self, ids) * self.weight.shape[1] ** 0.5
)
modeling_modernbert.ModernBertRotaryEmbedding.forward = exact_rotary
modeling_modernbert.apply_rotary_pos_emb = modeling_llama.apply_rotary_pos_emb


@torch.no_grad()
def randomise(model, generator, only_trainable=False):
    for name, parameter in model.named_parameters():
        if only_trainable and not parameter.requires_grad:
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = parameter.ndim == 1 and name.endswith("weight")
        parameter.copy_(1 + 0.2 * noise if is_norm else 0.25 * noise)


def make_inputs(case, generator, language):
    lengths = case.get("lengths", LENGTHS)
    width = max(lengths)
    ids = torch.full((len(lengths), width), case["pad"])
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(3, VOCABULARY - 1, (length,), generator=generator)
        mask[row, :length] = 1
    inputs = {"input_ids": ids, "attention_mask": mask}
    if case.get("pairs"):
        inputs["token_type_ids"] = (torch.arange(width) >= 4).long() * mask
    if language:
        labels = torch.where(mask.bool() & (torch.arange(width) >= 3), ids, -100)
    elif case["config"]().num_labels == 1:
        labels = (500 * torch.rand(len(lengths), generator=generator)).round().double() / 100
    else:
        labels = torch.tensor([1, 0])
    return inputs, labels


def loss_of(logits, labels):
    if logits.ndim == 3:
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    if logits.shape[1] == 1:
        return F.mse_loss(logits[:, 0], labels)
    return F.cross_entropy(logits, labels)


def saved_name(name):
    return name.replace(".default", "").replace(".modules_to_save", "")


def train(model, inputs, labels):
    """The optimiser steps, written out: AdamW with decoupled decay on every trainable parameter."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=0.0, betas=BETAS, eps=EPSILON, weight_decay=DECAY)
    figures = {"losses": [], "grad_norms": [], "learning_rates": []}
    for step in range(STEPS):
        share = step / WARMUP if step < WARMUP else (STEPS - step) / (STEPS - WARMUP)
        optimiser.param_groups[0]["lr"] = PEAK_RATE * share
        optimiser.zero_grad()
        loss = loss_of(model(**inputs).logits, labels)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM)
        optimiser.step()
        figures["losses"].append(loss.item())
        figures["grad_norms"].append(norm.item())
        figures["learning_rates"].append(PEAK_RATE * share)
    return figures


@torch.no_grad()
def greedy(model, prompt, count):
    ids = list(prompt)
    for _ in range(count):
        ids.append(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item())
        if ids[-1] == model.config.eos_token_id:
            break
    return {
        "prompt": list(prompt),
        "settings": {"max_new_tokens": count, "do_sample": False},
        "output": ids,
    }


SEARCHES = (
    {"num_beams": 3, "length_penalty": 0.9, "no_repeat_ngram_size": 2},
    {"num_beams": 4, "length_penalty": 2.0, "early_stopping": "never"},
    {"num_beams": 2, "repetition_penalty": 1.4, "early_stopping": True},
    {"num_beams": 1, "repetition_penalty": 1.4, "no_repeat_ngram_size": 1},
)


@torch.no_grad()
def search(model, prompt, count, extra):
    """Ends are tokens of the text that is found without any, so that searches do meet them."""
    ids = torch.tensor([prompt])
    fixed = {"max_new_tokens": count, "do_sample": False, **extra}
    arguments = {"attention_mask": torch.ones_like(ids), "pad_token_id": 0}
    free = model.generate(ids, eos_token_id=None, **arguments, **fixed)[0].tolist()
    settings = {**fixed, "eos_token_id": sorted({free[-3], free[-1]})}
    output = model.generate(ids, **arguments, **settings)[0].tolist()
    return {"prompt": list(prompt), "settings": settings, "output": output}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def tidy(folder):
    """Drops what no reader needs, and brings sets to one order so that a new run changes nothing."""
    for unneeded in ("adapter/README.md", "base/generation_config.json"):
        (folder / unneeded).unlink(missing_ok=True)
    for name in ("adapter/adapter_config.json", "base/config.json"):
        fields = json.loads((folder / name).read_text())
        for key in ("target_modules", "modules_to_save"):
            if isinstance(fields.get(key), list):
                fields[key].sort()
        write_json(folder / name, fields)


def make(name, case):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(case["seed"])
    generator = torch.Generator().manual_seed(case["seed"])
    config = case["config"]()
    if not case.get("eager"):
        config._attn_implementation = "sdpa"  # the eager one takes its softmax in float32
    model = case["model"](config).eval()
    randomise(model, generator)
    model.save_pretrained(folder / "base")
    language = "LM" in case["model"].__name__ or "CausalLM" in case["model"].__name__
    inputs, labels = make_inputs(case, generator, language)
    expected = {}
    with torch.no_grad():
        output = copy.deepcopy(model).double()(**inputs, output_hidden_states=True)
    expected["base.logits"] = output.logits
    for layer, hidden in enumerate(output.hidden_states):
        expected[f"base.hidden.{layer}"] = hidden
    expected["base.last_hidden"] = output.hidden_states[-1]

    task = "CAUSAL_LM" if language else "SEQ_CLS"
    adapted = get_peft_model(model, LoraConfig(task_type=task, lora_dropout=0.0, **case["lora"]))
    randomise(adapted, generator, only_trainable=True)
    adapted.save_pretrained(folder / "adapter", save_embedding_layers=False)
    tidy(folder)
    adapted = adapted.double().eval()
    logits = adapted(**inputs).logits
    loss = loss_of(logits, labels)
    loss.backward()
    expected["adapter.logits"], expected["adapter.loss"] = logits, loss
    for parameter_name, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            expected[f"grad.{saved_name(parameter_name)}"] = parameter.grad.clone()
    with torch.no_grad():
        merged = copy.deepcopy(adapted).merge_and_unload()
        expected["merged.logits"] = merged(**inputs).logits
    trainable, total = adapted.get_nb_trainable_parameters()
    spec = {
        "case": name,
        "seed": case["seed"],
        "inputs": {key: value.tolist() for key, value in inputs.items()},
        "labels": labels.tolist(),
        "training": {
            "lr": PEAK_RATE,
            "weight_decay": DECAY,
            "betas": BETAS,
            "eps": EPSILON,
            "warmup_steps": WARMUP,
            "total_steps": STEPS,
            "max_grad_norm": MAX_NORM,
        },
        **train(adapted, inputs, labels),
        "trainable": trainable,
        "all": total,
        "versions": {"transformers": transformers.__version__, "peft": peft.__version__},
    }
    if language:
        first, second = inputs["input_ids"][:, :4].tolist()
        spec["generation"] = [greedy(merged, first[:3], 6)]
        spec["generation"] += [search(merged, second, 7, extra) for extra in SEARCHES]
    with torch.no_grad():
        expected["trained.logits"] = adapted(**inputs).logits
    for key, value in expected.items():
        if value.dtype != torch.float64 or not value.isfinite().all():
            raise ValueError(f"{name}: {key} is {value.dtype} or not finite")
    tensors = {key: value.detach().contiguous().clone() for key, value in expected.items()}
    save_file(tensors, folder / "expected.safetensors")
    write_json(folder / "case.json", spec)
    print(name, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case_name in sys.argv[1:] or CASES:
        make(case_name, CASES[case_name])
