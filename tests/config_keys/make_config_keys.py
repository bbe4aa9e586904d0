"""Makes verdicts.jsonl: what transformers makes of a configuration that lacks a key, has it with
null or with another value, and of a checkpoint that lacks a tensor or has one more.

Each case changes the configuration or the tensors of a golden base model. Its verdict is the place of
its logits in `outputs`, "error" where transformers refuses it or a text, and "random" where
transformers draws a parameter that the checkpoint lacks.
A line is a family, or a case of the family before it. Run after golden/make.py: python tests/config_keys/make_config_keys.py
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden"))

import make  # computes norms and rotary angles in float64
import torch
import transformers
from safetensors.torch import load_file, save_file

SHOWN = 6  # logits of the last token that a verdict compares
COMMON = {
    "output_hidden_states": [True],
    "torch_dtype": ["float64"],
    "chunk_size_feed_forward": [0, 2],
    "is_encoder_decoder": [False, True],
    "id2label": [{}, {"0": "a"}, {"0": "a", "1": "b"}, {"0": "a", "1": "b", "2": "c"}, ["a"], "ab"],
    "num_labels": [1, 2, 3, "2", 0],
    "problem_type": ["regression", "single_label_classification"],
    "quantization_config": [{}],
    "per_layer_config": [{"0": {"hidden_act": "relu"}}],
    "initializer_range": [0.5, "x"],
    "use_cache": [False],
    "tie_word_embeddings": [True, False, "yes"],
    "vocab_size": [39, 41, "40", 40.5, 0],
    "is_decoder": [False, True],
    "add_cross_attention": [False],
    "pruned_heads": [{}],
    "model_type": ["gpt_neo"],
    "pad_token_id": [0, 1, 3, 5, 39, 40, -1, "0", 1.5],
    "bos_token_id": [5, -1, 400, "x"],
    "eos_token_id": [5, [5, 6], -1, 400, "x"],
    "head_dim": [6, 4, 3, 0],
    "num_key_value_heads": [2, 1, 3, 0],
    "partial_rotary_factor": [0.5],
    "layer_norm_eps": [1e-3, 0.5, 0.0, "x"],
    "layer_norm_epsilon": [1e-3, 0.5, 0.0, "x"],
    "rms_norm_eps": [1e-3, 0.5, 0.0, "x"],
    "n_embd": [12, 6],
    "hidden_size": [12, 6, 0, "12"],
    "n_layer": [2, 1, 3],
    "num_hidden_layers": [2, 1, 3, 0],
    "n_head": [2, 3, 5],
    "num_attention_heads": [2, 3, 5, 0],
    "n_inner": [20, 48],
    "intermediate_size": [20, 48],
    "n_positions": [12, 11],
    "n_ctx": [12, 5],
    "max_position_embeddings": [12, 11],
    "activation_function": ["gelu", "relu"],
    "hidden_act": ["gelu", "gelu_new", "gelu_pytorch_tanh", "silu", "swish", "relu", "tanh", "no", 1],
}
ENCODER = {
    "type_vocab_size": [1, 2, 3],
    "position_embedding_type": ["absolute", "relative_key"],
    "classifier_dropout": [0.5],
    "hidden_dropout_prob": [0.5],
    "attention_probs_dropout_prob": [0.5],
}
ACTS = ["gelu", "gelu_new", "gelu_pytorch_tanh", "silu", "swish", "relu", "quick_gelu", "no"]
# Frequencies of the golden models are 1 and less; of the positions the last is 11.
LLAMA3 = {"rope_type": "llama3", "rope_theta": 100.0, "factor": 4.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0,
        "original_max_position_embeddings": 8}
ROPES = [
    LLAMA3,
    {**LLAMA3, "original_max_position_embeddings": 64},
    {key: LLAMA3[key] for key in LLAMA3 if key != "original_max_position_embeddings"},
    {key: LLAMA3[key] for key in LLAMA3 if key != "factor"},
    {key: LLAMA3[key] for key in LLAMA3 if key != "low_freq_factor"},
    {**LLAMA3, "partial_rotary_factor": 0.5},
    YARN,
    {**YARN, "original_max_position_embeddings": 64},
    {**YARN, "original_max_position_embeddings": 64, "beta_fast": 8, "beta_slow": 2},
    {**YARN, "original_max_position_embeddings": 64, "beta_fast": None},
    {**YARN, "original_max_position_embeddings": 64, "truncate": False},
    {**YARN, "attention_factor": 0.7},
    {**YARN, "mscale": 1.0, "mscale_all_dim": 0.5},
    {**YARN, "mscale": 0.7},
    {key: YARN[key] for key in YARN if key != "factor"},
    {**YARN, "factor": None},
    {**YARN, "factor": 0.5},
    {"rope_type": "linear", "rope_theta": 500.0},
    {"rope_type": "linear", "rope_theta": 500.0, "factor": "2"},
    {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 2.0},
    {"rope_type": "longrope", "rope_theta": 500.0, "short_factor": [1.0] * 3,
     "long_factor": [2.0] * 3, "original_max_position_embeddings": 6, "factor": 2.0},
]
DECODER = {
    "rope_theta": [500.0, "x"],
    "rope_scaling": [{"type": "linear", "factor": 2.0}, {"rope_type": "dynamic", "factor": 2.0}],
    "rope_parameters": [{"rope_type": "default", "rope_theta": 500.0}, LLAMA3, YARN],
    "attention_bias": [True],
    "mlp_bias": [True],
    "attention_dropout": [0.5],
    "sliding_window": [1, 2, 20, 0, "3", 2.5],
    "use_sliding_window": [True, False],
    "max_window_layers": [0, 1, 2, 28],
    "layer_types": [
        ["full_attention", "full_attention"],
        ["sliding_attention", "full_attention"],
        ["sliding_attention"],
        ["chunked_attention", "full_attention"],
        "full_attention",
    ],
}
LONGROPE = {"rope_type": "longrope", "rope_theta": 100.0, "short_factor": [1.25, 1.5, 2.0],
            "long_factor": [2.5, 4.0, 8.0]}
PARTIAL = {**LONGROPE, "short_factor": [1.25, 1.5], "long_factor": [2.5, 4.0],
           "partial_rotary_factor": 0.7}
WINDOWS = [
    {"change": {"use_sliding_window": True, "sliding_window": 2, "max_window_layers": first}}
    for first in (0, 1, 2)
] + [
    {"change": {"use_sliding_window": True, "sliding_window": 2,
                "layer_types": ["sliding_attention", "full_attention"]}},
    {"change": {"use_sliding_window": True, "sliding_window": None}},
    {"change": {"use_sliding_window": False, "sliding_window": 2, "max_window_layers": 0}},
]
OWN = {
    "mpnet": {
        **{key: ENCODER[key] for key in ("position_embedding_type", "hidden_dropout_prob")},
        "relative_attention_num_buckets": [32, 16, 64, 0, "32"],
        "max_position_embeddings": [24, 23],
        "type_vocab_size": [3],
    },
    "deberta": {
        **{key: ENCODER[key] for key in ("hidden_dropout_prob", "attention_probs_dropout_prob")},
        "attention_head_size": [6, 4],
        "cls_dropout": [0.5],
        "conv_kernel_size": [0, 2, 3, -1, "0"],
        "embedding_size": [12, 6, 0],
        "legacy": [False],
        "max_position_embeddings": [24, 23],
        "max_relative_positions": [-1, 0, 24, 12, 6, 5, 4, 100, "24"],
        "norm_rel_ebd": ["none", "layer_norm", "None | Layer_Norm", "x", ["layer_norm"]],
        "pooler_dropout": [0.5],
        "pooler_hidden_act": ACTS,
        "pooler_hidden_size": [12, 6],
        "pos_att_type": [
            *("c2p", "p2c", "none", "p2c|c2p", "C2P | p2c", "p2p|c2p", ""),
            *(["c2p"], ["p2c", "c2p"], ["c2p", "c2p"], [], ["C2P"], [1], 1),
        ],
        "position_biased_input": [False, True, "x"],
        "position_buckets": [8, 4, -1, 0, 1, "8", 8.5],
        "relative_attention": [False, True, "x"],
        "share_att_key": [True, False],
        "type_vocab_size": [0, 2, -1, "x"],
        "z_steps": [2],
    },
    "modernbert": {
        "hidden_activation": ACTS,
        "norm_eps": [1e-3, 0.0, "x"],
        "norm_bias": [True, "x"],
        "local_attention": [4, 2, 6, 5, 0, "4"],
        "global_attn_every_n_layers": [1, 2, 3, 0],
        "global_rope_theta": [500.0],
        "local_rope_theta": [500.0],
        "rope_theta": [500.0],
        "rope_scaling": [{"rope_type": "linear", "factor": 2.0}],
        "rope_parameters": [
            {"full_attention": {"rope_type": "default", "rope_theta": 500.0}},
            {"sliding_attention": {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0}},
            {"rope_type": "default", "rope_theta": 500.0},
        ],
        "layer_types": [["sliding_attention"] * 2, ["full_attention"] * 2, ["full_attention"]],
        "attention_bias": [True],
        "mlp_bias": [True],
        "classifier_bias": [True],
        "classifier_pooling": ["cls", "mean", "max"],
        "classifier_activation": ["gelu", "relu", "gelu_new", "no"],
        "classifier_dropout": [0.5],
        "decoder_bias": [False],
        "embedding_dropout": [0.5],
        "sparse_prediction": [True],
    },
    "gemma3": {
        **DECODER,
        "hidden_activation": ACTS,
        "rope_theta": [500.0],
        "rope_local_base_freq": [500.0],
        "rope_parameters": [
            {"full_attention": {"rope_type": "default", "rope_theta": 500.0}},
            {"sliding_attention": {"rope_type": "default", "rope_theta": 500.0}},
            {"full_attention": LLAMA3},
            {"rope_type": "default", "rope_theta": 500.0},
        ],
        "query_pre_attn_scalar": [5, 20, 0, "5"],
        "sliding_window_pattern": [1, 2, 3],
        "attn_logit_softcapping": [50.0],
        "final_logit_softcapping": [30.0],
        "use_bidirectional_attention": [True, False],
    },
    "qwen2": DECODER,
    "qwen3": DECODER,
    "mistral": DECODER,
    "phi3": {
        **DECODER,
        "partial_rotary_factor": [0.7, 0.5, 1.0, "x", 0, 2.0],
        "original_max_position_embeddings": [4, 6, 7, 0, "4"],
        "rope_scaling": [
            {},
            {"type": "su", "short_factor": [1.0] * 3, "long_factor": [2.0] * 3},
            {"type": "yarn", "short_factor": [1.0] * 3, "long_factor": [2.0] * 3},
            {"type": "longrope", "short_factor": [1.0] * 3, "long_factor": [2.0] * 3},
            {"type": "linear", "factor": 2.0},
        ],
        "rope_parameters": [
            LONGROPE,
            PARTIAL,
            {**LONGROPE, "factor": 4.0},
            {**LONGROPE, "factor": 0.5},
            {**LONGROPE, "attention_factor": 0.7},
            {**LONGROPE, "attention_factor": None},
            {**LONGROPE, "original_max_position_embeddings": 2},
            {**LONGROPE, "short_factor": [1.25, 1.5]},
            {**LONGROPE, "long_factor": [2.5, 4.0]},
            {**LONGROPE, "long_factor": "x"},
            {**PARTIAL, "partial_rotary_factor": 1.0},
            {key: LONGROPE[key] for key in LONGROPE if key != "long_factor"},
            {key: LONGROPE[key] for key in LONGROPE if key != "short_factor"},
            {key: LONGROPE[key] for key in LONGROPE if key != "rope_theta"},
            {"rope_type": "default", "rope_theta": 500.0},
            {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.7},
            {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0},
        ],
    },
    "phi": {
        **DECODER,
        "embd_pdrop": [0.5],
        "hidden_act": ACTS,
        "partial_rotary_factor": [0.7, 0.5, 1.0, "x", 0, 2.0],
        "qk_layernorm": [True, False, "x"],
        "resid_pdrop": [0.5],
        "rope_parameters": [
            {"rope_type": "default", "rope_theta": 500.0},
            {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.7},
            {"rope_type": "default", "partial_rotary_factor": 0.7},
            {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0},
            {},
        ],
    },
    "smollm3": {
        **DECODER,
        "no_rope_layers": [[0, 1], [1, 1], [0, 0], [1], [2, 1], "10"],
        "no_rope_layer_interval": [1, 2, 4, 0],
    },
    "bert": ENCODER,
    "roberta": ENCODER,
    "gpt2": {
        "activation_function": ACTS,
        "scale_attn_weights": [False, 1],
        "scale_attn_by_inverse_layer_idx": [True],
        "reorder_and_upcast_attn": [True],
        "summary_type": ["last"],
        "attn_pdrop": [0.5],
    },
    "llama": {
        "rope_theta": [10000, 500.0, "x", 0, -1],
        "rope_scaling": [
            {},
            {"type": "linear", "factor": 2.0},
            {"rope_type": "linear", "factor": 2.0},
            {"rope_type": "dynamic", "factor": 2.0},
            {"rope_type": "default"},
            {"type": "default", "rope_theta": 500.0},
            {"rope_type": "default", "type": "linear"},
            "linear",
        ],
        "rope_parameters": [
            *ROPES,
            {},
            {"rope_type": "default"},
            {"rope_theta": 500.0},
            {"rope_theta": 500},
            {"rope_type": "default", "rope_theta": None},
            {"rope_type": "default", "rope_theta": "500"},
            {"rope_type": "default", "rope_theta": 500.0, "factor": 2.0},
            {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0},
            {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5},
            {"rope_type": "unheard", "rope_theta": 500.0},
            {"rope_type": None, "rope_theta": 500.0},
            {"full_attention": {"rope_type": "default", "rope_theta": 500.0}},
            "linear",
            [500.0],
        ],
        "attention_bias": [True, "x"],
        "mlp_bias": [True, "x"],
        "attention_dropout": [0.5],
        "pretraining_tp": [2],
    },
}
ROPE = "rope_parameters"
SPECIAL = {
    "bert": [
        {"change": {"hidden_size": 13}},
        {"change": {}, "drop": ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]},
        {"change": {}, "drop": ["bert.pooler.dense.bias"]},
        {"change": {}, "drop": ["classifier.weight", "classifier.bias"]},
    ],
    "roberta": [{"change": {}, "drop": ["roberta.embeddings.token_type_embeddings.weight"]}],
    "gpt2": [
        {"change": {"n_embd": 6, "hidden_size": 12}},
        {"change": {"n_embd": 12, "hidden_size": 6}},
        {"change": {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
                    "max_position_embeddings": 12},
         "without": ["n_embd", "n_layer", "n_head", "n_positions"]},
        {"change": {"n_inner": None, "intermediate_size": 20}},
        {"change": {"intermediate_size": 20}, "without": ["n_inner"]},
        {"change": {"hidden_act": "relu"}, "without": ["activation_function"]},
    ],
    "llama": [
        {"change": {"rope_theta": 500.0}, "without": [ROPE]},
        {"change": {"rope_theta": 500}, "without": [ROPE]},
        {"change": {"rope_theta": None}, "without": [ROPE]},
        {"change": {"rope_theta": 0}, "without": [ROPE]},
        {"change": {"rope_theta": "x"}, "without": [ROPE]},
        {"change": {"rope_theta": 500.0, "rope_scaling": None}, "without": [ROPE]},
        {"change": {"rope_theta": 500.0, "rope_scaling": {"type": "default"}}, "without": [ROPE]},
        {"change": {"rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 2.0}},
         "without": [ROPE]},
        {"change": {"rope_theta": 500.0, ROPE: {"rope_type": "default"}}},
        {"change": {"rope_theta": 500.0, ROPE: {}}},
        {"change": {"rope_theta": 500.0, ROPE: None}},
        {"change": {"rope_scaling": {"rope_type": "default"}, ROPE: {"rope_theta": 500.0}}},
        {"change": {"head_dim": 6, "num_attention_heads": 2, "n_head": 3}},
        {"change": {"num_attention_heads": 5, "head_dim": 6}},
    ],
}
TIED = {
    "gpt2": ("transformer.wte.weight", [{}, {"tie_word_embeddings": False},
                                        {"tie_word_embeddings": None}]),
    "llama": ("model.embed_tokens.weight", [{"tie_word_embeddings": True}, {},
                                            {"tie_word_embeddings": None}]),
}
for _name in ("mpnet", "modernbert", "gemma3", "qwen2", "qwen3", "mistral", "smollm3"):
    SPECIAL[_name] = []
SPECIAL["smollm3"] = [
    *WINDOWS,
    {"change": {"no_rope_layer_interval": 2}, "without": ["no_rope_layers"]},
    {"change": {}, "without": ["no_rope_layers"]},
    {"change": {}, "without": ["rope_parameters"]},
]
SPECIAL["qwen2"] = SPECIAL["qwen3"] = [
    *WINDOWS,
    {"change": {}, "without": ["rope_parameters"]},
    {"change": {"layer_types": None, "max_window_layers": 0}},
]
SPECIAL["modernbert"] = [
    {"change": {"global_rope_theta": 500.0}, "without": ["rope_parameters"]},
    {"change": {"local_rope_theta": 500.0}, "without": ["rope_parameters"]},
    {"change": {"global_attn_every_n_layers": 1}, "without": ["layer_types"]},
    {"change": {}, "without": ["layer_types"]},
]
SPECIAL["gemma3"] = [
    {"change": {"rope_theta": 500.0}, "without": ["rope_parameters"]},
    {"change": {"rope_local_base_freq": 500.0}, "without": ["rope_parameters"]},
    {"change": {"rope_scaling": {"rope_type": "linear", "factor": 8.0}}},
    {"change": {"sliding_window_pattern": 2}, "without": ["layer_types"]},
    {"change": {"sliding_window_pattern": 1}, "without": ["layer_types", "_sliding_window_pattern"]},
    {"change": {}, "without": ["layer_types"]},
    {"change": {}, "without": ["rope_parameters"]},
]
SPECIAL["phi3"] = [
    {"change": {ROPE: {**rope, "factor": 2.0}, "original_max_position_embeddings": original}}
    for rope in (LONGROPE, PARTIAL) for original in (5, 6)
] + [
    {"change": {"rope_theta": 500.0}, "without": [ROPE]},
    {"change": {"rope_theta": 500.0, "partial_rotary_factor": 0.7}, "without": [ROPE]},
    {"change": {}, "without": ["rope_parameters", "original_max_position_embeddings"]},
]
PLACES = "deberta.encoder.rel_embeddings.weight"
SPECIAL["deberta"] = [
    {"change": {"relative_attention": False, "pos_att_type": kinds}, "drop": [PLACES]}
    for kinds in (None, "c2p", "c2p|p2c")
] + [
    {"change": {"position_buckets": buckets, "max_relative_positions": reach},
     "copy": {PLACES: [PLACES, 1, 2 * rows]}}
    for buckets, reach, rows in ((6, 24, 6), (6, 12, 6), (7, -1, 7), (-1, 6, 6), (0, 3, 3), (2, 24, 2))
] + [
    {"change": {}, "drop": ["pooler.dense.weight", "pooler.dense.bias"]},
    {"change": {}, "drop": ["deberta.encoder.LayerNorm.weight"]},
    {"change": {"norm_rel_ebd": "none"},
     "drop": ["deberta.encoder.LayerNorm.weight", "deberta.encoder.LayerNorm.bias"]},
    {"change": {"share_att_key": False, "pos_att_type": "c2p"}, "copy": {
        f"deberta.encoder.layer.{layer}.attention.self.pos_key_proj.{part}":
            [f"deberta.encoder.layer.{layer}.attention.self.value_proj.{part}", 2]
        for layer in range(2) for part in ("weight", "bias")}},
    {"change": {"position_biased_input": True},
     "copy": {"deberta.embeddings.position_embeddings.weight":
              ["deberta.embeddings.word_embeddings.weight", 2, 24]}},
    {"change": {}, "copy": {"deberta.embeddings.position_embeddings.weight":
                            ["deberta.embeddings.word_embeddings.weight", 2, 24]}},
    {"change": {"type_vocab_size": 2},
     "copy": {"deberta.embeddings.token_type_embeddings.weight":
              ["deberta.embeddings.word_embeddings.weight", 2, 2]}},
]
SPECIAL["phi"] = [
    {"change": {"rope_theta": 500.0}, "without": ["rope_parameters"]},
    {"change": {"rope_theta": 500.0, "partial_rotary_factor": 0.7}, "without": ["rope_parameters"]},
    {"change": {}, "without": ["rope_parameters"]},
    {"change": {}, "drop": ["lm_head.bias"]},
]
SPECIAL["mistral"] = [{"change": {"sliding_window": 2, "layer_types": ["full_attention"] * 2}}]
FAMILIES = {
    "bert": ("bert-classification", transformers.BertForSequenceClassification),
    "roberta": ("roberta-regression-rslora", transformers.RobertaForSequenceClassification),
    "gpt2": ("gpt2-lm", transformers.GPT2LMHeadModel),
    "llama": ("llama-lm", transformers.LlamaForCausalLM),
    "mpnet": ("mpnet-classification", transformers.MPNetForSequenceClassification),
    "modernbert": ("modernbert-classification", transformers.ModernBertForSequenceClassification),
    "gemma3": ("gemma3-lm", transformers.Gemma3ForCausalLM),
    "qwen2": ("qwen2-lm", transformers.Qwen2ForCausalLM),
    "qwen3": ("qwen3-lm", transformers.Qwen3ForCausalLM),
    "mistral": ("mistral-lm", transformers.MistralForCausalLM),
    "smollm3": ("smollm3-lm", transformers.SmolLM3ForCausalLM),
    "phi3": ("phi3-lm", transformers.Phi3ForCausalLM),
    "deberta": ("deberta-classification", transformers.DebertaV2ForSequenceClassification),
    "phi": ("phi-lm", transformers.PhiForCausalLM),
}
CLASSIFIERS = {
    "gpt2": transformers.GPT2ForSequenceClassification,
    "llama": transformers.LlamaForSequenceClassification,
}
TEXT = [5, 17, 8, 30, 21, 12]


def cases_of(family, full):
    """Every key left out, with null, and with other values; then what belongs together."""
    table = {**COMMON, **OWN[family]}
    if family == "gpt2":
        table = {**table, "activation_function": ACTS}
    for key in sorted({*full, *table}):
        if key in full:
            yield {"change": {}, "without": [key]}
        yield {"change": {key: None}}
        for value in table.get(key, []):
            yield {"change": {key: value}}
    yield from SPECIAL[family]
    if family in TIED:
        embedding, flags = TIED[family]
        for change in flags:
            for edit in ({"copy": {"lm_head.weight": [embedding, 2]}},
                         {"copy": {"lm_head.weight": [embedding, 1]}},
                         {"copy": {"lm_head.weight": [embedding, 2]}, "drop": [embedding]},
                         {"drop": ["lm_head.weight"]},
                         {"drop": ["lm_head.weight", embedding]}):
                yield {"change": change, **edit}


def classifier_cases(family):
    """Texts that end in the padding token, hold it or consist of it; the head is the table's start."""
    embedding = TIED[family][0]
    head = {"copy": {"score.weight": [embedding, 1, 3]}, "classifier": True}
    for pad in (None, 0, 12, 8):
        for texts in ([TEXT], [[12, 12, 12]], [[5, 12, 12]], [[12, 5]], [[0, 5]], [[8, 5, 8, 7, 8]]):
            yield {"change": {"pad_token_id": pad, "num_labels": 3}, "texts": texts, **head}
    yield {"change": {"pad_token_id": 12, "num_labels": 3}, "texts": [TEXT, [5, 12], [9]], **head}
    yield {"change": {"num_labels": 3}, "without": ["pad_token_id"], "texts": [TEXT], **head}


def edited(tensors, case):
    """The tensors of a case: copies of the rows of others, times a factor, less what it drops."""
    tensors = dict(tensors)
    for name, (source, factor, *rows) in case.get("copy", {}).items():
        tensors[name] = (tensors[source][: rows[0]] if rows else tensors[source]) * factor
    for name in case.get("drop", []):
        tensors.pop(name, None)
    return {name: value.clone().contiguous() for name, value in tensors.items()}


def verdict(family, case, full, tensors):
    config = {key: value for key, value in full.items() if key not in case.get("without", [])}
    config |= case["change"]
    kind = CLASSIFIERS[family] if case.get("classifier") else FAMILIES[family][1]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(edited(tensors, case), f"{folder}/model.safetensors", metadata={"format": "pt"})
        try:
            transformers.AutoConfig.from_pretrained(folder)
            model, info = kind.from_pretrained(
                folder, dtype=torch.float64, output_loading_info=True,
                attn_implementation="eager" if family in ("mpnet", "deberta") else "sdpa",
            )
            if info["missing_keys"]:
                return "random"
            return logits_of(model.eval(), case["texts"], config)
        except Exception as error:  # whatever transformers says, it gives no number
            print("   ", family, {k: v for k, v in case.items() if k != "texts"}, type(error).__name__)
            return "error"


@torch.no_grad()
def logits_of(model, texts, config):
    width = max(map(len, texts))
    pad = max(0, config.get("pad_token_id") or 0)
    ids = torch.tensor([text + [pad] * (width - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    logits = model(input_ids=ids, attention_mask=mask).logits
    shown = logits[:, -1, :SHOWN] if logits.ndim == 3 else logits
    return [float(f"{x:.13g}") for x in shown.flatten().tolist()]


def make_family(family):
    folder, _ = FAMILIES[family]
    base = make.HERE / folder / "base"
    full = json.loads((base / "config.json").read_text())
    tensors = load_file(base / "model.safetensors")
    texts = {"roberta": [TEXT, [5, 17, 8], [5, 1, 8, 1, 9], [5, 7, 1]],
             "bert": [TEXT, [5, 0, 8]],
             "modernbert": [TEXT, [5, 17, 8]],
             "mpnet": [[*TEXT, *TEXT], [5, 1, 8, 1, 9]],
             "deberta": [[*TEXT, *TEXT], [5, 0, 8, 1, 9]]}.get(family, [TEXT])
    cases = [{"texts": texts, **case} for case in cases_of(family, full)]
    if family in CLASSIFIERS:
        cases += classifier_cases(family)
    outputs = [verdict(family, {"change": {}, "texts": texts}, full, tensors)]
    rows = []
    for case in cases:
        found = verdict(family, case, full, tensors)
        if isinstance(found, list):
            if found not in outputs:
                outputs.append(found)
            found = outputs.index(found)
        row = {key: value for key, value in case.items() if key != "texts" or value != texts}
        rows.append({**row, "verdict": found})
    return {"family": family, "base": folder, "texts": texts, "outputs": outputs}, rows


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    target = HERE / "verdicts.jsonl"
    with target.open("w") as file:
        for name in FAMILIES:
            head, rows = make_family(name)
            for row in (head, *rows):
                file.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(target.stat().st_size, "bytes")
