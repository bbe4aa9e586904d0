"""Makes mistral.jsonl: what AutoTokenizer makes of large vocabularies beside Mistral's configurations.

Needs transformers 5.17.0 with tokenizers 0.23.3. Run: python tests/nn/tokenizer/golden/mistral.py
"""

import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import transformers
from transformers import AutoTokenizer

from make import HERE, byte_pairs, byte_symbols, tokenizer_json

transformers.logging.set_verbosity(transformers.logging.CRITICAL)

# As Llama 3 splits texts, which Mistral's files had by mistake.
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TEXTS = ["Hello World", "helloWORLD oneTwo", "don't stop'S", "12 345", "a/b //\n\n  c", "café É 中文\t x"]
LARGE = 100_001


SPLIT = {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
STEPS = {
    "sequence": {"type": "Sequence", "pretokenizers": [SPLIT, BYTES]},
    "bytes": BYTES,
    "metaspace": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
    "none": None,
}


def vocabulary(size):
    """Byte pairs of a few words, which cross what is split, and fillers up to a size."""
    vocab, merges = byte_pairs([], byte_symbols(), "Ġ")
    for left, right in (("'", "S"), ("o", "W"), ("e", "T"), ("1", "2"), ("3", "4"), ("34", "5"), ("/", "Ċ")):
        vocab[left + right] = len(vocab)
        merges.append([left, right])
    for id in range(len(vocab), size):
        vocab[f"filler {id}"] = id
    return vocab, merges


def write(directory, files):
    for name, value in files.items():
        if value is not None:
            (Path(directory) / name).write_text(json.dumps(value), encoding="utf-8")


def encoded(config, flag, kind, size):
    """Ids of the texts, by AutoTokenizer."""
    vocab, merges = vocabulary(size)
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": False, "vocab": vocab, "merges": merges}
    named = {"tokenizer_class": "PreTrainedTokenizerFast", **flag}
    json_ = tokenizer_json(model, [], pre_tokenizer=STEPS[kind])
    with tempfile.TemporaryDirectory(prefix="t-") as directory:
        write(directory, {"tokenizer.json": json_, "tokenizer_config.json": named, "config.json": config})
        tokenizer = AutoTokenizer.from_pretrained(directory)
    return [tokenizer.encode(text) for text in TEXTS]


def main():
    assert transformers.__version__ == "5.17.0", transformers.__version__
    mistral, llama = {"model_type": "mistral"}, {"model_type": "llama"}
    versions = ["4.57.1", "4.9.0.dev0", "5.0.0.dev0", "5.0.0rc1", "5.0.0", "5.17.0", "", None]
    configs = [*({**mistral, "transformers_version": version} for version in versions), mistral]
    configs += [{**llama, "transformers_version": "4.57.1"}, llama, {"transformers_version": "4.57.1"}, None]
    keys = ({}, {"fix_mistral_regex": True}, {"fix_mistral_regex": False}, {"fix_mistral_regex": None})
    asked = [(config, flag, "sequence", LARGE) for config in configs for flag in keys]
    asked += [(mistral, flag, kind, LARGE) for flag in keys for kind in STEPS if kind != "sequence"]
    asked += [(mistral, flag, "sequence", LARGE - 1) for flag in keys]
    vocab, merges = vocabulary(0)
    table = {"texts": TEXTS, "vocab": vocab, "merges": merges, "steps": STEPS, "results": [], "cases": []}
    for case in asked:
        ids = encoded(*case)
        if ids not in table["results"]:
            table["results"].append(ids)
        table["cases"].append([*case, table["results"].index(ids)])
    compact = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    lines = "".join(compact({name: value}) + "\n" for name, value in table.items())
    (HERE / "mistral.jsonl").write_text(lines, encoding="utf-8")
    print(len(asked), "folders", len(table["results"]), "results")


if __name__ == "__main__":
    main()
