"""Reads or fills the hub's cache with huggingface_hub and transformers.

    hub_cache.py read ORG/NAME REVISION TEXT   what they find there, offline
    hub_cache.py write ORG/NAME REVISION FILE… downloads from HF_ENDPOINT

HF_HOME names the cache. Prints JSON.
"""

import hashlib
import json
import os
import sys

action, name, revision, *rest = sys.argv[1:]
if action == "read":
    os.environ["HF_HUB_OFFLINE"] = "1"

import huggingface_hub


def write(files):
    paths = [huggingface_hub.hf_hub_download(name, file, revision=revision) for file in files]
    return {"folder": os.path.dirname(paths[0])}


def read(text):
    import transformers

    path = huggingface_hub.hf_hub_download(name, "model.safetensors", revision=revision)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, revision=revision)
    model, report = transformers.AutoModel.from_pretrained(
        name, revision=revision, add_pooling_layer=False, output_loading_info=True
    )
    cache = huggingface_hub.scan_cache_dir()
    return {
        "folder": os.path.dirname(path),
        "sha256": digest,
        "ids": tokenizer(text)["input_ids"],
        "parameters": model.num_parameters(),
        "missing": sorted(report["missing_keys"]),
        "warnings": [str(warning) for warning in cache.warnings],
        "revisions": [
            {"commit": found.commit_hash, "refs": sorted(found.refs), "files": found.nb_files}
            for repository in cache.repos
            for found in repository.revisions
        ],
    }


print(json.dumps(read(rest[0]) if action == "read" else write(rest)))
