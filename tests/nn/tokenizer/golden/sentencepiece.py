"""Makes sentencepiece.json: a trained model of SentencePiece, and what AutoTokenizer makes of it as
DeBERTa's.

Needs transformers 5.17.0, sentencepiece and protobuf.
Run: python tests/nn/tokenizer/golden/sentencepiece.py
"""

import base64
import io
import json
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.remove(str(HERE))  # where this file would stand for the package

import sentencepiece
from transformers import AutoTokenizer

WORDS = (
    "the of and to in is that for it was as with on be by at this from his which have not are but had "
    "or they an were their one all said we would will there who her been has can if so no more about "
    "out up into them some could time only other new than then its over also after first two may these "
    "Straße café naïve don't can't ﬁne ½ ①"
).split()
AWKWARD = [
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u200d", "\ufeff"),
    *("\u0000", "\u0085", "\u2028", "▁", "▁▁", "e\u0301", "\u0301", "\u0323\u0301", "가", "\u1100\u1161"),
    *("Å", "\u212b", "ﬁ", "½", "İ", "ß", "😀", "👨‍👩‍👧", "\U00020000", "\u0344", "\u0958", "中", "文", "?", "_"),
    *("\x1c", "\x7f", "\ufffd", "\u1e9b\u0323", "[MASK]", "[SEP]", "[PAD]", "<x>", "foo", "<c>", "[MASK]the"),
]
SETTINGS = [{}, {"do_lower_case": True, "split_by_punct": True}, {"add_prefix_space": False}]


def trained():
    texts = (" ".join(random.choices(WORDS, k=12)) for _ in range(2000))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        model_writer=model, sentence_iterator=texts, vocab_size=230, hard_vocab_limit=False,
        model_type="unigram", normalization_rule_name="identity", minloglevel=2,
        pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]",
        unk_id=3, unk_piece="[UNK]", user_defined_symbols=["<x>", "foo"], control_symbols=["<c>"],
    )
    return model.getvalue()


def part():
    kind = random.random()
    if kind < 0.4:
        return random.choice(WORDS)
    if kind < 0.65:
        return " "
    if kind < 0.85:
        return random.choice(AWKWARD)
    return random.choice("abcdefghijklmnopqrstuvwxyzABCXYZ01.,;:'\"()[]")


def main():
    random.seed(7)
    model = trained()
    texts = ["".join(part() for _ in range(random.randrange(20))) for _ in range(240)]
    ids = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spm.model").write_bytes(model)
        (Path(folder) / "config.json").write_text('{"model_type": "deberta-v2"}')
        for settings in SETTINGS:
            (Path(folder) / "tokenizer_config.json").write_text(json.dumps(settings))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            ids.append([tokenizer(text)["input_ids"] for text in texts])
            if not settings:
                own = sentencepiece.SentencePieceProcessor(model_proto=model)
                for text in (" ".join(random.choices(WORDS, k=9)) for _ in range(500)):
                    assert tokenizer(text)["input_ids"] == [1, *own.encode(text), 2], text
    value = {"model": base64.b64encode(model).decode(), "settings": SETTINGS, "texts": texts, "ids": ids}
    target = HERE / "sentencepiece.json"
    target.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
