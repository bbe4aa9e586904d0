"""MRPC with MiniLM by PyTorch + PEFT: the recipe of the results table, one seed.

python bench/peers/mrpc.py MODEL_DIR DATA_DIR SEED [cuda|cpu] [epochs]
"""

import json
import math
import random
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

model_dir, data_dir, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
device = sys.argv[4] if len(sys.argv) > 4 else "cuda"
epochs = int(sys.argv[5]) if len(sys.argv) > 5 else 10
torch.manual_seed(seed)
random.seed(seed)


def read(name):
    with open(f"{data_dir}/{name}.tsv", encoding="utf-8-sig") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file]
    return [(row[3], row[4], int(row[0])) for row in rows[1:]]


tokenizer = AutoTokenizer.from_pretrained(model_dir)


def encode(rows):
    made = tokenizer([r[0] for r in rows], [r[1] for r in rows], truncation=True, max_length=128, padding=False)
    return [
        {"input_ids": made["input_ids"][i], "token_type_ids": made["token_type_ids"][i], "label": rows[i][2]}
        for i in range(len(rows))
    ]


def batch_of(items):
    width = max(len(item["input_ids"]) for item in items)
    pad = lambda key: torch.tensor([item[key] + [0] * (width - len(item[key])) for item in items])
    mask = torch.tensor([[1] * len(item["input_ids"]) + [0] * (width - len(item["input_ids"])) for item in items])
    return {
        "input_ids": pad("input_ids").to(device),
        "token_type_ids": pad("token_type_ids").to(device),
        "attention_mask": mask.to(device),
    }, torch.tensor([item["label"] for item in items]).to(device)


config = BertConfig.from_pretrained(
    model_dir, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
)
model = BertForSequenceClassification.from_pretrained(model_dir, config=config, dtype=torch.float32)
lora = LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"], lora_dropout=0.0)
model = get_peft_model(model, lora).to(device).train()
train, dev = encode(read("train")), encode(read("dev"))
steps = math.ceil(len(train) / 16) * epochs
warmup = math.ceil(0.06 * steps)
parameters = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(parameters, lr=5e-4, weight_decay=0.0, fused=device == "cuda")
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: s / warmup if s < warmup else max(0.0, (steps - s) / (steps - warmup))
)
start = time.perf_counter()
for _ in range(epochs):
    order = random.sample(range(len(train)), len(train))
    total = 0.0
    for at in range(0, len(order), 16):
        inputs, labels = batch_of([train[i] for i in order[at : at + 16]])
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.item()
model.eval()
right = 0
with torch.no_grad():
    for at in range(0, len(dev), 32):
        inputs, labels = batch_of(dev[at : at + 32])
        right += (model(**inputs).logits.argmax(-1) == labels).sum().item()
print(json.dumps({
    "seed": seed,
    "accuracy": right / len(dev),
    "loss": total / math.ceil(len(train) / 16),
    "seconds": round(time.perf_counter() - start, 1),
}))
