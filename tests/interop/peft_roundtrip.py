"""Prints the logits of a base model under an adapter, as transformers and PEFT compute them.

Arguments: folder of the base model, folder of the adapter, file with the inputs as JSON.
Prints the logits as one flat JSON list.
"""

import json
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from peft import PeftModel


def main(base, adapter, inputs_path):
    # PEFT only warns when the adapter lacks a tensor or has one without a place.
    warnings.simplefilter("error")
    config = transformers.AutoConfig.from_pretrained(base)
    kind = getattr(transformers, config.architectures[0])
    model = PeftModel.from_pretrained(kind.from_pretrained(base), adapter).double().eval()
    with open(inputs_path) as file:
        inputs = {key: torch.tensor(value) for key, value in json.load(file).items()}
    with torch.no_grad():
        print(json.dumps(model(**inputs).logits.flatten().tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
