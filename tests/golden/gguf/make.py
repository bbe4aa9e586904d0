"""GGUF files of the golden models beside this folder, and blocks of every type with the numbers that
gguf-py 0.19 makes of them: python make.py

The tensors lie as llama.cpp's converter lays them; transformers, which undoes it, must read the numbers
of the golden models from the files.
"""

import base64
import json
import pathlib
import tempfile

import gguf
import numpy as np
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

here = pathlib.Path(__file__).parent
types = gguf.GGMLQuantizationType


def packed(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def blocks():
    """Two random blocks of each type; its scales are finite."""
    random = np.random.default_rng(1)
    scales = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0]}
    scales |= {"Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "F16": [0], "BF16": [0], "F32": []}
    found = {}
    for name, places in scales.items():
        elements, size = gguf.GGML_QUANT_SIZES[types[name]]
        count = 2 if elements > 1 else 16
        data = random.integers(0, 256, (count, size), dtype=np.uint8)
        if name == "F32":
            data = random.normal(size=(count, 1)).astype(np.float32).view(np.uint8)
        for place in places:
            halves = (random.normal(size=(count, 1)) * 0.05).astype(np.float16)
            data[:, place : place + 2] = halves.view(np.uint8)
        numbers = gguf.quants.dequantize(data, types[name]).astype(np.float32)
        found[name] = {"bytes": packed(data), "numbers": packed(numbers)}
    (here / "blocks.json").write_text(json.dumps(found, indent=2) + "\n")


parts = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
tops = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
}


gemma_norms = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}


def placed(name, gemma=False):
    path, kind = name.rsplit(".", 1)
    if gemma and path.rsplit(".", 1)[-1] in gemma_norms:
        return f"blk.{path.split('.')[2]}.{gemma_norms[path.rsplit('.', 1)[-1]]}.{kind}"
    if path in tops:
        return f"{tops[path]}.{kind}"
    layer, part = path.removeprefix("model.layers.").removeprefix("transformer.h.").split(".", 1)
    return f"blk.{layer}.{parts[part]}.{kind}"


def laid(name, tensor, config):
    kind = config["model_type"]
    if kind == "gpt2" and tensor.ndim == 2 and ".h." in name:
        return tensor.T.contiguous()
    if kind == "gemma3_text" and name.endswith("norm.weight"):
        return tensor + 1
    if kind == "llama" and ("q_proj" in name or "k_proj" in name):
        heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
        shape = tensor.shape
        return tensor.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
    return tensor


def model(name, dtype):
    folder = here.parent / f"{name}-lm" / "base"
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]
    path = here / f"{name}.gguf"
    gemma = kind == "gemma3_text"
    writer = gguf.GGUFWriter(path, "gemma3" if gemma else kind)
    gpt2 = kind == "gpt2"
    get = lambda long, short: config[short if gpt2 else long]
    writer.add_block_count(get("num_hidden_layers", "n_layer"))
    writer.add_context_length(get("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(get("hidden_size", "n_embd"))
    writer.add_feed_forward_length(get("intermediate_size", "n_inner"))
    writer.add_head_count(get("num_attention_heads", "n_head"))
    if gpt2:
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        rope = config["rope_parameters"]
        writer.add_rope_freq_base((rope["full_attention"] if gemma else rope)["rope_theta"])
        if gemma:
            writer.add_sliding_window(config["sliding_window"])
        if "head_dim" in config:
            writer.add_key_length(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    tensors = load_file(folder / "model.safetensors")
    for key, tensor in tensors.items():
        data = laid(key, tensor.float(), config).numpy()
        if dtype is not None and data.ndim == 2:
            data = gguf.quants.quantize(data, dtype)
            writer.add_tensor(placed(key, gemma), data, raw_dtype=dtype)
        else:
            writer.add_tensor(placed(key, gemma), data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    theirs = AutoModelForCausalLM.from_pretrained(here, gguf_file=path.name, dtype=torch.float32)
    state = theirs.state_dict()
    for key, tensor in tensors.items():
        expected = laid(key, tensor.float(), config) - 1 if gemma and "norm" in key else tensor.float()
        if dtype is not None and expected.ndim == 2:
            expected = expected.to(torch.bfloat16 if dtype == types.BF16 else torch.float16).float()
        assert torch.equal(state[key], expected), key


blocks()
model("llama", types.F16)
model("gpt2", None)
model("qwen2", types.BF16)
model("qwen3", None)
model("gemma3", types.F16)
