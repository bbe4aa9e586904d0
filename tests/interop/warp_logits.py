"""Which tokens transformers keep of logits by temperature, top-k and top-p; JSON in and out."""

import json
import sys

import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper


def kept(case):
    scores = torch.tensor([case["logits"]], dtype=torch.float64)
    warpers = [TemperatureLogitsWarper(float(case["temperature"]))]
    if case["topK"] > 0:
        warpers.append(TopKLogitsWarper(case["topK"]))
    if case["topP"] < 1:
        warpers.append(TopPLogitsWarper(case["topP"]))
    for warper in warpers:
        scores = warper(None, scores)
    return torch.softmax(scores, -1)[0].tolist()


with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps([kept(case) for case in json.load(file)]))
