"""Makes reference values of prompts and conversations: tokens, which of them are learned, losses.

The tokenizer and the model are tiny and made here. Which tokens are learned follows TRL: of a
completion all behind the tokens of its prompt, with the end token; of a conversation the assistant's
turns, by {% generation %} where a template has it, else by what the template writes for the messages
before a turn and up to it. A token over a border is learned with the turn, as transformers has it.
Needs torch, transformers 5.17.0. Run: python tests/golden/chat/make.py
"""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import make as golden

SPECIAL = ["<|begin|>", "<|im_start|>", "<|im_end|>", "<|open|>", "<|close|>", "<|eot|>", "<turn>", "</turn>"]

TEMPLATES = {
    "chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' + '\\n' }}{% endfor %}\n"
    "{% if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}{% endif %}",
    "header": "{{- bos_token }}\n{%- for message in messages %}\n"
    "    {{- '<|open|>' + message.role + '<|close|>\\n\\n' + message.content | trim + '<|eot|>' }}\n"
    "{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|open|>assistant<|close|>\\n\\n' }}\n{%- endif %}\n",
    "turns": "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<turn>' + role + '\\n' + message['content'] | trim + '</turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}",
    "marked": "{%- for message in messages %}\n"
    "    {%- if message.role == 'assistant' %}\n"
    "        {{- '<|im_start|>assistant\\n' }}\n"
    "        {% generation %}\n{{ message.content }}<|im_end|>{% endgeneration %}\n\n"
    "    {%- else %}\n"
    "        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n"
    "    {%- endif %}\n{%- endfor %}",
    "stripped": "{%- for message in messages -%}\n"
    "    {%- if message.role == 'assistant' -%}\n"
    "        <|im_start|>assistant\n        {%- generation -%}\n"
    "        {{ message.content + '<|im_end|>' }}\n        {%- endgeneration -%}\n"
    "    {%- else -%}\n        {{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n"
    "    {%- endif -%}\n{%- endfor -%}",
}

USER = {"role": "user", "content": "Which lamp is the small one?"}
CONVERSATIONS = [
    [USER, {"role": "assistant", "content": "The left lamp."}],
    [
        USER,
        {"role": "assistant", "content": "The left lamp, of course."},
        {"role": "user", "content": "  And the boat? "},
        {"role": "assistant", "content": "\n\nThe boat is large."},
        {"role": "user", "content": "Thanks"},
    ],
    [
        {"role": "system", "content": "You sell lamps."},
        USER,
        {"role": "assistant", "content": "Ask the captain, ☂ 한."},
    ],
]

COMPLETIONS = [
    {"prompt": "Which lamp?", "completion": " The left one."},
    {"prompt": "Which lamp?\n", "completion": "The boat<|im_end|>"},
    {"prompt": "", "completion": "The small boat"},
    {"prompt": "Which lamp?\n", "completion": ""},
]

CORPUS = [
    "Which lamp is the small one?\n\nThe left lamp, of course.\n\n",
    "You sell lamps. The boat is large. Ask the captain.\n",
    "system\nuser\nassistant\nmodel\nThanks, the small boat.\n\n\n",
]


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|begin|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    )


def make_model(size):
    torch.manual_seed(7)
    config = golden.llama_config()
    config.vocab_size, config.max_position_embeddings = size, 128
    config.bos_token_id, config.eos_token_id = 0, 2
    model = transformers.LlamaForCausalLM(config)
    golden.randomise(model, torch.Generator().manual_seed(7))
    return model


def mask_of(length, encoding, turns):
    mask = [0] * length
    for start, end in turns:
        for i in range(encoding.char_to_token(start), encoding.char_to_token(end - 1) + 1):
            mask[i] = 1
    return mask


def conversation(tokenizer, name, messages):
    def render(part, prompt):
        return tokenizer.apply_chat_template(
            part, chat_template=TEMPLATES[name], tokenize=False, add_generation_prompt=prompt
        )

    if "generation" in TEMPLATES[name].replace("add_generation", ""):
        found = tokenizer.apply_chat_template(
            messages,
            chat_template=TEMPLATES[name],
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        return {"ids": found["input_ids"], "mask": found["assistant_masks"]}
    text = render(messages, False)
    turns = []
    for i, message in enumerate(messages):
        if message["role"] == "assistant":
            before, after = render(messages[:i], True), render(messages[: i + 1], False)
            assert after.startswith(before) and text.startswith(after)
            turns.append((len(before), len(after)))
    encoding = tokenizer(text, add_special_tokens=False)
    ids = encoding["input_ids"]
    return {"ids": ids, "mask": mask_of(len(ids), encoding, turns)}


def completion(tokenizer, prompt, completion):
    if not completion.endswith(tokenizer.eos_token):
        completion += tokenizer.eos_token
    ids = tokenizer(prompt + completion)["input_ids"]
    begun = tokenizer(prompt)["input_ids"] if prompt else []
    assert ids[: len(begun)] == begun
    return {"ids": ids, "mask": [0] * len(begun) + [1] * (len(ids) - len(begun))}


def loss(model, cases):
    total, count = 0.0, 0
    with torch.no_grad():
        for case in cases:
            logits = model(torch.tensor([case["ids"]])).logits[0].double()
            for i in range(1, len(case["ids"])):
                if case["mask"][i]:
                    total += F.cross_entropy(logits[i - 1], torch.tensor(case["ids"][i])).item()
                    count += 1
    return total / count


def main():
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer))
    base = HERE / "base"
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    (base / "generation_config.json").unlink(missing_ok=True)
    model = model.double()
    chats = []
    for name in TEMPLATES:
        for messages in CONVERSATIONS:
            if name == "turns" and messages[0]["role"] == "system":
                continue
            chats.append({"template": name, "messages": messages, **conversation(tokenizer, name, messages)})
    completions = [{**one, **completion(tokenizer, **one)} for one in COMPLETIONS]
    values = {
        "templates": TEMPLATES,
        "chats": chats,
        "completions": completions,
        "losses": {
            "chat": loss(model, [one for one in chats if one["template"] == "chatml"]),
            "completion": loss(model, completions),
        },
    }
    golden.write_json(HERE / "values.json", values)


if __name__ == "__main__":
    main()
