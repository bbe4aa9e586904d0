"""Prints the logits of models, with or without an adapter, as transformers and PEFT compute them.

Argument: a JSON file with a list of {model, adapter?, labels?, input_ids, attention_mask}. Prints one
flat list of logits for each, as JSON.
"""

import json
import logging
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from peft import PeftModel


class Complaints(logging.Handler):
    """Collects what transformers says of tensors that are missing, left over or misshapen."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def logits(job):
    # PEFT only warns when the adapter lacks a tensor or has one without a place.
    warnings.simplefilter("error")
    # What PEFT says of tied layers is advice.
    warnings.filterwarnings("ignore", message=".*tie.*")
    warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
    path = job["model"]
    config = transformers.AutoConfig.from_pretrained(path)
    classes = config.architectures[0]
    # Else PEFT would round what it loads to the type of the base weights.
    extra = {"dtype": torch.float32}
    if "labels" in job:
        classes = classes.replace("Model", "ForSequenceClassification")
        extra["num_labels"] = job["labels"]
    model = getattr(transformers, classes).from_pretrained(path, **extra)
    if "adapter" in job:
        model = PeftModel.from_pretrained(model, job["adapter"])
    model = model.double().eval()
    inputs = {key: torch.tensor(job[key]) for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        return model(**inputs).logits.flatten().tolist()


def main(path):
    complaints = Complaints()
    logging.getLogger("transformers").addHandler(complaints)
    with open(path) as file:
        jobs = json.load(file)
    results = []
    for job in jobs:
        complaints.lines.clear()
        values = logits(job)
        # A base model without a head is told to have none, which the adapter then fills.
        lines = [] if "labels" in job else list(complaints.lines)
        results.append({"logits": values, "complaints": lines})
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
