"""Beam search of transformers on the prompts of `deno task bench generate`; one line of JSON.

python bench/peers/generate.py MODEL_DIR [--data E2E_DIR] [--limit N] [--batch 32] [--beams 10]
    [--new-tokens 64] [--precision fp32|tf32|bf16] [--device cuda|cpu]
"""

import argparse
import csv
import json
import re
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--data")
parser.add_argument("--limit", type=int, default=630)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--beams", type=int, default=10)
parser.add_argument("--new-tokens", type=int, default=64)
parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
options = parser.parse_args()

RENAMED = {"eatType": "Type", "priceRange": "price", "familyFriendly": "family friendly"}


def linearise(representation):
    slots = re.findall(r"([^\[\], ][^\[\],]*)\[([^\]]*)\]", representation)
    return " | ".join(f"{RENAMED.get(name, name)} : {value}" for name, value in slots)


def made_up(i):
    def pick(words, every):
        return words[i // every % len(words)]

    slots = [
        f"name : {pick(['Blue Spice', 'The Eagle', 'Giraffe', 'The Mill', 'Zizzi'], 1)}",
        f"Type : {pick(['pub', 'restaurant', 'coffee shop'], 5)}",
        f"food : {pick(['English', 'French', 'Indian', 'Italian', 'Chinese', 'Japanese'], 15)}",
        f"area : {pick(['riverside', 'city centre'], 90)}",
        f"near : {pick(['Burger King', 'Café Sicilia', 'Clare Hall', 'Crowne Plaza Hotel'], 180)}",
    ]
    return " | ".join(slots[: 3 + i % 3])


if options.data is None:
    contexts = [made_up(i) for i in range(options.limit)]
else:
    with open(f"{options.data}/testset_w_refs.csv", encoding="utf-8-sig", newline="") as file:
        contexts = list(dict.fromkeys(linearise(row[0]) for row in list(csv.reader(file))[1:]))
tokenizer = AutoTokenizer.from_pretrained(options.model)
torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"
dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
model = AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype).to(options.device).eval()
bos, eos = model.config.bos_token_id, model.config.eos_token_id
pad = eos[0] if isinstance(eos, list) else eos
prompts = [tokenizer.encode(text, add_special_tokens=False) + [bos] for text in contexts[: options.limit]]
prompts.sort(key=len)
batches = [prompts[at : at + options.batch] for at in range(0, len(prompts), options.batch)]


@torch.inference_mode()
def run(batch, count):
    """Tokens of the texts, the one that ends each included."""
    width = max(map(len, batch))
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in batch])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in batch])
    output = model.generate(
        ids.to(options.device),
        attention_mask=mask.to(options.device),
        max_new_tokens=count,
        num_beams=options.beams,
        do_sample=False,
        length_penalty=0.9,
        no_repeat_ngram_size=4,
        pad_token_id=pad,
    )
    ends = set(eos if isinstance(eos, list) else [eos])
    total = 0
    for row in output[:, width:].tolist():
        total += next((i + 1 for i, token in enumerate(row) if token in ends), len(row))
    return total


start = time.perf_counter()
run(batches[0], min(20, options.new_tokens))
warm = time.perf_counter()
tokens = sum(run(batch, options.new_tokens) for batch in batches)
seconds = time.perf_counter() - warm
print(json.dumps({
    "bench": "generate",
    "backend": f"transformers, {options.device}, {options.precision}",
    "model": options.model,
    "prompts": len(prompts),
    "batch": options.batch,
    "beams": options.beams,
    "tokens": tokens,
    "seconds": round(seconds, 2),
    "tokensPerSecond": round(tokens / seconds, 1),
    "warmSeconds": round(warm - start, 2),
}))
