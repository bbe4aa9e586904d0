"""LoRA on RTE or MRPC by PyTorch + PEFT, by the recipe of the results table, one seed.

python bench/peers/glue.py TASK MODEL_DIR DATA_DIR SEED [cuda|cpu] [epochs] [learning rate]
"""

import json
import math
import random
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

task, model_dir, data_dir, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
device = sys.argv[5] if len(sys.argv) > 5 else "cuda"
epochs = int(sys.argv[6]) if len(sys.argv) > 6 else 10
rate = float(sys.argv[7]) if len(sys.argv) > 7 else 5e-4
torch.manual_seed(seed)
random.seed(seed)
columns = {
    "mrpc": lambda row: (row[3], row[4], int(row[0])),
    "rte": lambda row: (row[1], row[2], ["entailment", "not_entailment"].index(row[3])),
}[task]


def read(name):
    with open(f"{data_dir}/{name}.tsv", encoding="utf-8-sig") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file]
    return [columns(row) for row in rows[1:]]


tokenizer = AutoTokenizer.from_pretrained(model_dir)


def encode(rows):
    made = tokenizer([r[0] for r in rows], [r[1] for r in rows], truncation=True, max_length=128, padding=False)
    return [{**{key: made[key][i] for key in made}, "label": rows[i][2]} for i in range(len(rows))]


def batch_of(items):
    width = max(len(item["input_ids"]) for item in items)
    fill = {"input_ids": tokenizer.pad_token_id}
    inputs = {
        key: torch.tensor([item[key] + [fill.get(key, 0)] * (width - len(item[key])) for item in items]).to(device)
        for key in items[0]
        if key != "label"
    }
    return inputs, torch.tensor([item["label"] for item in items]).to(device)


config = AutoConfig.from_pretrained(
    model_dir, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
)
model = AutoModelForSequenceClassification.from_pretrained(model_dir, config=config, dtype=torch.float32)
targets = ["attn.q", "attn.v"] if config.model_type == "mpnet" else ["query", "value"]
lora = LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=targets, lora_dropout=0.0)
model = get_peft_model(model, lora).to(device).train()
train, dev = encode(read("train")), encode(read("dev"))
steps = math.ceil(len(train) / 16) * epochs
warmup = math.ceil(0.06 * steps)
parameters = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, fused=device == "cuda")
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
    "task": task,
    "seed": seed,
    "trained": sum(p.numel() for p in parameters),
    "accuracy": right / len(dev),
    "loss": total / math.ceil(len(train) / 16),
    "seconds": round(time.perf_counter() - start, 1),
}))
