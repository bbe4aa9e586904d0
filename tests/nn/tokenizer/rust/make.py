"""Makes what the Rust library tokenizers says about every code point and about awkward texts.

Writes tokenizers.json (small tokenizers: models by name, and parts that name a model) and
digests.json beside this file. Needs tokenizers 0.23.3.
Run: python tests/nn/tokenizer/rust/make.py
"""

import hashlib
import json
from pathlib import Path

from tokenizers import Tokenizer, __version__

HERE = Path(__file__).resolve().parent
BLOCK = 4096
TEXTS, GROUP = 3000, 100

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_symbols():
    free = iter(range(256, 512))
    return [chr(b) if 32 < b < 127 or 160 < b and b != 173 else chr(next(free)) for b in range(256)]


def numbered(tokens):
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}


def byte_tokens():
    return [f"<0x{byte:02X}>" for byte in range(256)]


LETTERS = "abcdehlorstuwxyz.,!'-$159é中ßΣσςİı"


def models():
    bytes_ = byte_symbols()
    merged = ["he", "ll", "hell", "Ġa", "Ġb", "ab"]
    pairs = [["h", "e"], ["l", "l"], ["he", "ll"], ["Ġ", "a"], ["Ġ", "b"], ["a", "b"]]
    pieces = ["[UNK]", *LETTERS, *("##" + letter for letter in LETTERS), "low", "##er", "##s"]
    spm = ["<unk>", *byte_tokens(), "▁", *LETTERS, "lo", "low", "▁low", "▁a", "aa", "▁▁"]
    spm_pairs = [["▁", "▁"], ["l", "o"], ["lo", "w"], ["▁", "low"], ["▁", "a"], ["a", "a"]]
    prefixed = ["<unk>", *LETTERS, *("#" + letter for letter in LETTERS), "lo", "low", "#er"]
    suffixed = ["<unk>", *LETTERS, *(letter + "</w>" for letter in LETTERS), "lo", "low</w>"]
    scores = [["<unk>", 0.0], *([token, -9.0] for token in byte_tokens()), ["▁", -3.0]]
    scores += [[letter, -4.0 - index % 7] for index, letter in enumerate(LETTERS)]
    scores += [["lo", -3.0], ["low", -3.5], ["▁low", -3.25], ["er", -3.2], ["aaa", -6.5], ["aa", -5.0]]
    bpe = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
           "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    wordpiece = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                 "max_input_chars_per_word": 20, "vocab": numbered(pieces)}
    some = {"vocab": numbered(["<unk>", *LETTERS, "lo"]), "merges": [["l", "o"]]}
    return {
        "bytes": {**bpe, "vocab": numbered([*bytes_, "▁", *merged]), "merges": pairs},
        "wordpiece": wordpiece,
        "spm": {**bpe, "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                "vocab": numbered(spm), "merges": spm_pairs},
        "prefixed": {**bpe, "unk_token": "<unk>", "continuing_subword_prefix": "#",
                     "vocab": numbered(prefixed), "merges": [["l", "#o"], ["lo", "#w"], ["#e", "#r"]]},
        "suffixed": {**bpe, "unk_token": "<unk>", "end_of_word_suffix": "</w>",
                     "vocab": numbered(suffixed), "merges": [["l", "o"], ["lo", "w</w>"]]},
        "fused": {**bpe, "unk_token": "<unk>", "fuse_unk": True, **some},
        "apart": {**bpe, "unk_token": "<unk>", **some},
        "silent": {**bpe, **some},
        "whole": {**bpe, "unk_token": "<unk>", "ignore_merges": True,
                  "vocab": numbered(["<unk>", *LETTERS, "hello", "ab"]), "merges": [["a", "b"]]},
        "unigram": {"type": "Unigram", "unk_id": 0, "vocab": scores, "byte_fallback": True},
        "unigram-unknown": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                            "vocab": [scores[0], *scores[257:]]},
        "words": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": numbered(["[UNK]", "a", "b", "ab", "low"])},
    }


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def regex(text):
    return {"Regex": text}


# Writes every word's bytes behind a mark, so that ids show text and bounds of each word.
SHOWN = [
    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
]
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def shown(normalizer, *steps, decoder=None, added=()):
    return {"normalizer": normalizer, "pre_tokenizer": sequence("pretokenizers", *steps, *SHOWN),
            "decoder": decoder, "added_tokens": list(added), "model": "bytes"}


def made(model, normalizer=None, pre=None, decoder=None, added=()):
    return {"normalizer": normalizer, "pre_tokenizer": pre, "decoder": decoder,
            "added_tokens": list(added), "model": model}


def bert(lower, strip=None, clean=True, chinese=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
            "strip_accents": strip, "lowercase": lower}


def metaspace(scheme, split_=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split_}


def kind(name, **more):
    return {"type": name, **more}


BERT_PRE = kind("BertPreTokenizer")
WORDS = kind("WhitespaceSplit")
SPM = sequence("normalizers", kind("Prepend", prepend="▁"),
               kind("Replace", pattern={"String": " "}, content="▁"))
SPM_DECODER = sequence("decoders", kind("Replace", pattern={"String": "▁"}, content=" "),
                       kind("ByteFallback"), kind("Fuse"), kind("Strip", content=" ", start=1, stop=0))
WORDPIECE_DECODER = kind("WordPiece", prefix="##", cleanup=True)


def families():
    """Tokenizers that see every code point."""
    llama3 = sequence("pretokenizers", split(regex(LLAMA3)), *SHOWN)
    accents = sequence("normalizers", kind("NFD"), kind("StripAccents"), kind("Lowercase"))
    return {
        "bert uncased": shown(bert(True), BERT_PRE),
        "bert cased": shown(bert(False), BERT_PRE),
        "bert uncased, pieces": made("wordpiece", bert(True), BERT_PRE, WORDPIECE_DECODER),
        "bert cased, pieces": made("wordpiece", bert(False), BERT_PRE, WORDPIECE_DECODER),
        "gpt2": shown(None, BYTES, decoder=kind("ByteLevel", **{k: BYTES[k] for k in ("add_prefix_space", "trim_offsets", "use_regex")})),
        "llama": made("spm", SPM, None, SPM_DECODER),
        "llama3": {**made("bytes"), "pre_tokenizer": llama3},
        "o200k": shown(None, split(regex(O200K))),
        "unigram": made("unigram", kind("NFKC"), metaspace("always"), metaspace("always")),
        "unigram without bytes": made("unigram-unknown", kind("Nmt"), metaspace("first"), metaspace("first")),
        "whitespace": shown(None, kind("Whitespace")),
        "digits": shown(accents, kind("Digits", individual_digits=True)),
        "nfc": shown(kind("NFC"), split(regex(r"\W+"), "Removed")),
        "nfkd": shown(kind("NFKD"), kind("Punctuation", behavior="Isolated")),
        "strip": shown(sequence("normalizers", kind("Strip", strip_left=True, strip_right=True), kind("Lowercase"))),
    }


def token(index, content, **flags):
    plain = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return {"id": index, "content": content, **plain, **flags}


def parts():
    """Tokenizers that see awkward texts alone."""
    found = {}
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        found[f"punctuation {behavior}"] = shown(None, kind("Punctuation", behavior=behavior))
        for invert in (False, True):
            found[f"split {behavior} {invert}"] = shown(None, split(regex(r"\d|[ab]+"), behavior, invert))
            found[f"split text {behavior} {invert}"] = shown(None, split({"String": "a"}, behavior, invert))
    patterns = [r"(?i:it's|[a-d]k)", r"^[ab]|[ab]$", r"a*", r"\b", r"(?<=a)b|(?<!a)c", r"a{2}?|b{1,2}+", r"\p{^L}++\d?",
                r"[[:alpha:]&&[^a-c]]+|[[:punct:]]", r"(?>a|ab)c|.", r"a(?i)b|c", r"\R|\h{2,}", r"(?m:a.)|b.",
                r"([^!]+)+!", r"(a|a)*b", r"(\w+\s?)+\.", r"(?:a?){4}a{4}", r"\p{Han}+|\p{Greek}", r"[^\S\n]+|\x41|\u00e9|\x{1F600}",
                r"a+?b??", r"(?=[ab])\w{2}|(?!a)\w", r"\A.|.\z|\B"]
    for number, pattern in enumerate(patterns):
        found[f"pattern {number}"] = shown(None, split(regex(pattern)))
        found[f"replace {number}"] = shown(kind("Replace", pattern=regex(pattern), content="<$1>"))
    for scheme in ("first", "always", "never"):
        for both in (True, False):
            added = [token(0, "<unk>", special=True), token(999, "[X]", special=True)]
            found[f"metaspace {scheme} {both}"] = made("spm", None, metaspace(scheme, both), metaspace(scheme, both), added)
        strip = sequence("normalizers", kind("Strip", strip_left=True, strip_right=False),
                         kind("Replace", pattern=regex("^(?:ab|c)"), content="x"), kind("Nmt"))
        found[f"metaspace {scheme} behind normalizers"] = made("spm", strip, metaspace(scheme), metaspace(scheme))
    for name in ("prefixed", "suffixed", "fused", "apart", "silent", "whole", "words"):
        found[f"model {name}"] = made(name, kind("Lowercase"), WORDS)
    found["model suffixed"]["decoder"] = kind("BPEDecoder", suffix="</w>")
    found["ctc"] = made("words", None, WORDS, kind("CTC", pad_token="a", word_delimiter_token="low", cleanup=True))
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    for bits in range(32):
        chosen = {flag: bool(bits >> at & 1) for at, flag in enumerate(flags)}
        added = [token(999, content, **chosen) for content in ("[X]", "ab", "É", "b c", "Low")]
        found[f"added {bits}"] = shown(kind("Lowercase"), WORDS, added=added)
    found["fixed length"] = shown(None, kind("FixedLength", length=3))
    found["delimiter"] = shown(None, kind("CharDelimiterSplit", delimiter="a"))
    found["contiguous digits"] = shown(bert(False, True, False, False), kind("Digits", individual_digits=False))
    found["byte level normalizer"] = made("bytes", kind("ByteLevel"), None, kind("ByteLevel", add_prefix_space=True, trim_offsets=True))
    found["prefix space"] = made("bytes", None, {**BYTES, "add_prefix_space": True}, BYTES)
    found["no decoder"] = made("spm", SPM)
    return found


def complete(spec, all_models):
    model = all_models[spec["model"]]
    vocab = {entry[0]: at for at, entry in enumerate(model["vocab"])} if isinstance(model["vocab"], list) else model["vocab"]
    ids, free = {}, len(vocab)
    for entry in spec["added_tokens"]:
        content = entry["content"]
        entry["id"] = vocab[content] if content in vocab else ids.setdefault(content, free + len([c for c in ids if c not in vocab]))
    return {"version": "1.0", "truncation": None, "padding": None, "post_processor": None, **spec, "model": model}


AWKWARD = (
    " " * 6 + "aaabbbccchelloww  \t\n\r\n..,!''-$159" "ABCDLOW"
    "éÉßΣσςİıǅ½²١٠Ⅳ中漢\u3000\u00a0\u0085\u2028\u200b\u200d\ufeff\u00ad\u0000\u0007\u0301\u0323\u0345\u20dd▁_‿—’“€"
    "\ufffd\u0378\ue000\u1680\u180e한각\u1112\u1161あアガｶﾞﬁ℃Å\u212b\ufb06ﬆ①ㄅ\U00020000\U0002a6d6\U0001f600\U0001f468\u200d\U0001f469"
    "\U0001d49c\U00010ec2\U0001e030\ua7ce\u1c89\U000e0041\u0f0b\u111c9\U000111c9\u166d\u0890\u0903\u0e33"
)
SNIPPETS = ["[X]", " [X] ", "low", "lower", "it's", "don't", "IT'S", "abc", " ab ", "b c", "<0x41>", "<unk>", "aaaab", "\r\n", "É", "...", "1234"]


def random_texts():
    """Texts from a generator that the test repeats: xorshift with 32 bits."""
    state, letters, texts = 1, list(AWKWARD), []

    def draw(below):
        nonlocal state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        return state % below

    for _ in range(TEXTS):
        size = draw(24)
        texts.append("".join(SNIPPETS[draw(len(SNIPPETS))] if draw(5) == 0 else letters[draw(len(letters))] for _ in range(size)))
    return texts


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def ids_of(tokenizer, text):
    try:
        return ",".join(map(str, tokenizer.encode(text).ids))
    except Exception as error:
        return type(error).__name__


def points_of(tokenizer):
    found = []
    for start in range(0, 0x110000, BLOCK):
        lines = []
        for point in range(start, start + BLOCK):
            if 0xD800 <= point < 0xE000:
                continue
            lines.append(f"{ids_of(tokenizer, chr(point))};{ids_of(tokenizer, f'a{chr(point)}b')}")
        found.append(digest(lines))
    return "".join(found)


def texts_of(tokenizer, texts):
    found = []
    for start in range(0, TEXTS, GROUP):
        lines = []
        for text in texts[start:start + GROUP]:
            ids = tokenizer.encode(text).ids
            lines += [",".join(map(str, ids)), tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids)]
        found.append(digest(lines))
    return "".join(found)


def main():
    all_models, specs = models(), {**families(), **parts()}
    texts = random_texts()
    result = {"tokenizers": __version__, "block": BLOCK, "texts": TEXTS, "group": GROUP,
              "awkward": AWKWARD, "snippets": SNIPPETS, "points": {}, "random": {}}
    for name, spec in specs.items():
        whole = complete(spec, all_models)
        if any(entry["content"] == "<unk>" for entry in spec["added_tokens"]) and spec["model"] != "spm":
            raise SystemExit(name)
        tokenizer = Tokenizer.from_str(json.dumps(whole))
        result["random"][name] = texts_of(tokenizer, texts)
        if name in families():
            result["points"][name] = points_of(tokenizer)
            print(name, flush=True)
    write = lambda name, value: (HERE / name).write_text(json.dumps(value, ensure_ascii=True, indent=0) + "\n")
    write("tokenizers.json", {"models": all_models, "tokenizers": specs})
    write("digests.json", result)


main()
