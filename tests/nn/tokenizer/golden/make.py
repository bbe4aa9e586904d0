"""Makes folders.jsonl: folders of tokenizer files and what AutoTokenizer makes of them.

Needs transformers 5.17.0 with tokenizers 0.23.3, sentencepiece and protobuf. Run: python tests/nn/tokenizer/golden/make.py
"""

import base64
import json
import os
import struct
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import transformers
from transformers import AutoTokenizer

transformers.logging.set_verbosity(transformers.logging.CRITICAL)
HERE = Path(__file__).resolve().parent

# Text, second text, most tokens, strategy of truncation.
CALLS = [
    ["Hello World"],
    ["café 中文 É"],
    ["don't stop . ok ?"],
    [" leading  two"],
    ["a [NEW] b x[NEW]y a [new] b"],
    ["a [EXT]b[EXT] [ADD] c"],
    ["<s>x</s> [SEP]y <|endoftext|>z"],
    ["a <mask> b [MASK] c"],
    ["one two", "three"],
    ["one two three four five six seven", None, 5],
    ["one two three four five six seven", "a b c", 8],
    ["one two three four five", "a b c", 14, "only_first"],
    ["one two", "a b c four", 9, "only_second"],
    ["cafe\u0301 12 345\n\n  DON'T!\n ok"],
]
# Where the texts of the published tokenizer.json are split.
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")

WORDS = ["Hello", "hello", "World", "world", "one", "two", "three", "four", "five", "lead", "ing", "stop"]


def flags(id, content, **changes):
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": id, "content": content, **usual, **changes}


def described(content, **changes):
    token = flags(0, content, **changes)
    del token["id"]
    return token


def byte_symbols():
    free, symbols = 256, []
    for byte in range(256):
        visible = 33 <= byte < 127 or 161 <= byte < 173 or byte >= 174
        symbols.append(chr(byte if visible else free))
        free += not visible
    return symbols


def byte_pairs(first, symbols, space, last=()):
    tokens, merges = [*first, *symbols], []
    for word in [*WORDS, *(space + word for word in WORDS)]:
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
                merges.append([word[: end - 1], word[end - 1]])
    tokens.extend(last)
    return {token: id for id, token in enumerate(tokens)}, merges


def merges_text(merges):
    return "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges)


def tokenizer_json(model, added, **parts):
    empty = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    head = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added}
    return {**head, **empty, **parts, "model": model}


def bert():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list("abcdefghijklmnopqrstuvwxyzHWNE.?'[]<>/|é中文")
    tokens = [*special, "[unused0]", "[unused1]", *letters, *("##" + letter for letter in letters)]
    tokens += [*WORDS, "##ing", "cafe", "café", "six", "seven"]
    vocab = {token: id for id, token in enumerate(tokens)}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
    processor = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    return tokens, tokenizer_json(
        {**model, "max_input_chars_per_word": 100, "vocab": vocab},
        [flags(vocab[token], token) for token in special],
        normalizer={**normalizer, "strip_accents": None, "lowercase": True},
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor=processor,
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )


def byte_level(special, last=(), **parts):
    vocab, merges = byte_pairs(special, byte_symbols(), "Ġ", last)
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": ""}
    model |= {"end_of_word_suffix": "", "fuse_unk": False, "vocab": vocab, "merges": merges}
    added = [flags(vocab[token], token, lstrip=token == "<mask>") for token in [*special, *last]]
    parts = {"pre_tokenizer": step, "decoder": step, "post_processor": step, **parts}
    return vocab, merges, tokenizer_json(model, added, **parts)


def split_bytes(pattern, **model):
    """Byte pairs behind a Split, as Qwen and Llama 3 have them."""
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    vocab, merges, json_ = byte_level(
        [], ["<|endoftext|>"], normalizer={"type": "NFC"}, post_processor=step, decoder=step,
        pre_tokenizer={"type": "Sequence", "pretokenizers": [split, step]},
    )
    json_["model"] |= model
    return vocab, merges, json_


def llama():
    symbols = ["▁", *"abcdefghijklmnopqrstuvwxyzHWNEXTDAMSKPU.?'[]<>/|é中"]
    special = ["<unk>", "<s>", "</s>"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    vocab, merges = byte_pairs([*special, *bytes_], symbols, "▁")
    begin, first = {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    second = [{"SpecialToken": {"id": "<s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    template = {"type": "TemplateProcessing", "single": [begin, first], "pair": [begin, first, *second]}
    template["special_tokens"] = {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}
    space = {"String": " "}
    steps = [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": space, "content": "▁"}]
    replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True}
    return tokenizer_json(
        {**model, "ignore_merges": False, "vocab": vocab, "merges": merges},
        [flags(vocab[token], token) for token in special],
        normalizer={"type": "Sequence", "normalizers": steps},
        post_processor=template,
        decoder={"type": "Sequence", "decoders": [replace, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]},
    )


def gemma():
    symbols = ["▁", *"abcdefghijklmnopqrstuvwxyzHWNEXTDAMSKPU.?'[]<>/|é中", "\n", "\n\n"]
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    # Without one of the bytes: what needs it is unknown.
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256) if byte != 0xCC]
    vocab, merges = byte_pairs([*special, *bytes_], symbols, "▁")
    begin, first = {"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    second = [{"SpecialToken": {"id": "<bos>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    template = {"type": "TemplateProcessing", "single": [begin, first], "pair": [begin, first, *second]}
    template["special_tokens"] = {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True}
    return tokenizer_json(
        {**model, "ignore_merges": False, "vocab": vocab, "merges": merges},
        [flags(vocab[token], token) for token in special],
        normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        pre_tokenizer=split,
        post_processor=template,
        decoder={"type": "Sequence", "decoders": [replace, {"type": "ByteFallback"}, {"type": "Fuse"}]},
    )


def unigram():
    letters = "abcdefghijklmnopqrstuvwxyzHWNEXTDAMSKPU.?'[]<>/|é中"
    words = [*WORDS, *("▁" + word for word in WORDS), "▁", *letters]
    pieces = [[token, 0.0] for token in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces += [[word, -1.0 - 0.5 * (word[0] == "▁") - len(word) / 64] for word in words] + [["<mask>", 0.0]]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    special = [flags(id, pieces[id][0]) for id in range(4)]
    special.append(flags(len(pieces) - 1, "<mask>", lstrip=True))
    return tokenizer_json(
        {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False}, special,
        pre_tokenizer=metaspace, decoder=metaspace,
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]},
    )


def deberta_pieces():
    """Pieces with their scores and kinds: 1 usual, 2 unknown, 3 control, 4 said by the user."""
    letters = "abcdefghijklmnopqrstuvwxyzHWNEXTDAMSKPU.?'[]<>/|é中"
    words = [*WORDS, *("▁" + word for word in WORDS), "▁", *letters]
    pieces = [("[PAD]", 0.0, 3), ("[CLS]", 0.0, 3), ("[SEP]", 0.0, 3), ("[UNK]", 0.0, 2)]
    pieces += [("[c]", 0.0, 3), ("[EXT]", 0.0, 4)]
    return pieces + [(word, -1.0 - 0.5 * (word[0] == "▁") - len(word) / 64, 1) for word in words]


def deberta():
    pieces = [[text, score] for text, score, _ in deberta_pieces()] + [["[MASK]", 0.0]]
    special = [flags(id, pieces[id][0]) for id in (0, 1, 2, 3, len(pieces) - 1)]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return tokenizer_json(
        {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False}, special,
        pre_tokenizer=metaspace, decoder=metaspace, normalizer={"type": "NFKC"},
    )


def varint(value):
    head = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*(byte | 0x80 for byte in head[:-1]), head[-1]])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def sentencepiece(pieces, unknown):
    """A model as SentencePiece writes it, in base64."""
    messages = [field(1, field(1, text.encode()) + field(2, score) + (field(3, kind) if kind != 1 else b""))
                for text, score, kind in pieces]
    trainer = field(3, 1) + field(4, 99) + field(40, unknown)
    normalizer = field(1, b"identity") + field(3, 1)
    message = b"".join(messages) + field(2, trainer) + field(3, normalizer)
    return base64.b64encode(message).decode()


def bases():
    pieces, bert_json = bert()
    gpt2_vocab, gpt2_merges, gpt2_json = byte_level([], ["<|endoftext|>"])
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    processor = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}
    processor |= {"trim_offsets": True, "add_prefix_space": False}
    vocab, merges, roberta_json = byte_level(special, ["<mask>"], post_processor=processor)
    qwen_vocab, qwen_merges, qwen_json = split_bytes(QWEN)
    names = ("bert", "gpt2", "roberta", "llama", "qwen2", "qwen3", "mistral", "smollm3", "modernbert",
             "gemma3_text", "phi3")
    config = {name: {"config.json": {"model_type": name}} for name in names}
    return {
        "bert": {**config["bert"], "tokenizer.json": bert_json},
        "bert-files": {**config["bert"], "vocab.txt": "".join(f"{token}\n" for token in pieces)},
        "roberta": {**config["roberta"], "tokenizer.json": roberta_json},
        "roberta-files": {**config["roberta"], "vocab.json": vocab, "merges.txt": merges_text(merges)},
        "gpt2": {**config["gpt2"], "tokenizer.json": gpt2_json},
        "gpt2-files": {**config["gpt2"], "vocab.json": gpt2_vocab, "merges.txt": merges_text(gpt2_merges)},
        "llama": {**config["llama"], "tokenizer.json": llama()},
        "gemma": {**config["gemma3_text"], "tokenizer.json": gemma()},
        "xlm-roberta": {**config["bert"], "tokenizer.json": unigram()},
        "qwen2": {**config["qwen2"], "tokenizer.json": qwen_json},
        "qwen2-files": {**config["qwen2"], "vocab.json": qwen_vocab, "merges.txt": merges_text(qwen_merges)},
        "qwen3": {**config["qwen3"], "tokenizer.json": qwen_json},
        "mistral": {**config["mistral"], "tokenizer.json": llama()},
        "phi3": {**config["phi3"], "tokenizer.json": llama()},
        "modernbert": {**config["modernbert"], "tokenizer.json": bert_json},
        "deberta": {"config.json": {"model_type": "deberta-v2"}, "tokenizer.json": deberta()},
        "deberta-files": {"config.json": {"model_type": "deberta-v2"},
                          "spm.model": sentencepiece(deberta_pieces(), 3)},
        "gemma2": {"config.json": {"model_type": "gemma2"}, "tokenizer.json": gemma()},
        "phi": {"config.json": {"model_type": "phi"}, "tokenizer.json": gpt2_json},
        "smollm3": {**config["smollm3"], "tokenizer.json": split_bytes(r"\s?\p{L}+|\p{N}{1,3}|\s+", ignore_merges=True)[2]},
    }


def sizes(base):
    """Number of tokens of each base, which is the next id."""
    json_ = base.get("tokenizer.json")
    if json_:
        return len(json_["model"]["vocab"])
    if "spm.model" in base:
        return len(deberta_pieces())
    return len(base["vocab.json"]) if "vocab.json" in base else len(base["vocab.txt"].splitlines())


def one_key(next_id):
    """Contents of tokenizer_config.json beside tokenizer_class, one key at a time."""
    yield {}
    for key in ("do_lower_case", "split_by_punct", "tokenize_chinese_chars", "strip_accents", "add_prefix_space", "legacy",
                "add_bos_token", "add_eos_token", "clean_up_tokenization_spaces", "trim_offsets"):
        for value in (True, False, None, 1, "yes"):
            yield {key: value}
    yield {"strip_accents": False, "do_lower_case": False}
    yield {"strip_accents": True, "do_lower_case": False}
    yield {"add_bos_token": True, "add_eos_token": True}
    yield {"add_bos_token": True, "bos_token": "!", "add_eos_token": True, "eos_token": "#"}
    yield {"add_prefix_space": True, "legacy": True}
    yield {"add_prefix_space": False, "legacy": True}
    for key in ("truncation_side", "padding_side"):
        for value in ("left", "right", "up", None, 1):
            yield {key: value}
    for value in (4, -1, 1e30, None, "8"):
        yield {"model_max_length": value}
    yield {"split_special_tokens": False}
    yield {"split_special_tokens": True}
    yield {"do_basic_tokenize": False, "never_split": ["Hello"]}
    for role in ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"):
        for value in ("a", "[NEW]", "", None, 3, ["a"], {"__type": "AddedToken", "content": "[NEW]"},
                      {"__type": "AddedToken", **described("[NEW]", lstrip=True, rstrip=True)},
                      {"__type": "AddedToken", **described("[new]", normalized=True)}):
            yield {role: value}
    yield {"image_token": "[NEW]"}
    yield {"image_token": {"__type": "AddedToken", **described("[NEW]", lstrip=True)}, "boi_token": "[EXT]"}
    yield {"image_token": 3}
    for key in ("extra_special_tokens", "additional_special_tokens"):
        for value in (["[EXT]"], ["[EXT]", "[ADD]"], [], None, "x", [1], ["a"], {"image": "[EXT]"},
                      [{"__type": "AddedToken", **described("[EXT]", lstrip=True)}]):
            yield {key: value}
    yield {"extra_special_tokens": ["[EXT]"], "additional_special_tokens": ["[ADD]"]}
    for changes in ({}, {"lstrip": True}, {"rstrip": True}, {"single_word": True},
                    {"lstrip": True, "rstrip": True}, {"normalized": True}, {"special": False},
                    {"special": False, "normalized": True}, {"lstrip": 1}, {"special": "yes"}):
        yield {"added_tokens_decoder": {str(next_id): described("[NEW]", **changes)}}
    yield {"added_tokens_decoder": {str(next_id): described("[new]", normalized=True)}}
    yield {"added_tokens_decoder": {str(next_id + 1): described("[NEW]"), str(next_id): described("[EXT]")}}
    yield {"added_tokens_decoder": {str(next_id): described("[NEW]")}, "extra_special_tokens": ["[EXT]"]}
    yield {"added_tokens_decoder": {str(next_id): described("[NEW]", special=False)}, "pad_token": "[NEW]"}
    yield {"added_tokens_decoder": {str(next_id): {"content": "[NEW]", "special": True}}}
    yield {"added_tokens_decoder": {str(next_id): {"content": "[NEW]"}}}
    for value in ({}, [], None, {"x": described("[NEW]")}, {str(next_id): "[NEW]"}, {"-1": described("[NEW]")},
                  {str(next_id): {"content": 3}}):
        yield {"added_tokens_decoder": value}
    yield {"added_tokens_decoder": {str(next_id + 7): described("[NEW]")}}
    yield {"added_tokens_decoder": {str(next_id): described("[NEW]"), str(next_id + 1): described("[NEW]")}}
    yield {"added_tokens_decoder": {"0": described("[NEW]")}}


def other_files(next_id):
    """Files beside tokenizer_config.json."""
    token = described("[NEW]", lstrip=True)
    del token["special"]
    yield {"special_tokens_map.json": {"pad_token": "[NEW]"}}
    yield {"special_tokens_map.json": {"pad_token": token}}
    yield {"special_tokens_map.json": {"pad_token": "[NEW]"}, "tokenizer_config.json": {"pad_token": "[EXT]"}}
    yield {"special_tokens_map.json": {"pad_token": None}}
    yield {"special_tokens_map.json": {"pad_token": 3}}
    yield {"special_tokens_map.json": {"extra_special_tokens": ["[EXT]", token]}}
    yield {"special_tokens_map.json": {"additional_special_tokens": ["[EXT]"]}}
    yield {"special_tokens_map.json": {"additional_special_tokens": [token]}}
    yield {"special_tokens_map.json": {"extra_special_tokens": ["[EXT]"]},
           "tokenizer_config.json": {"additional_special_tokens": ["[ADD]"]}}
    yield {"special_tokens_map.json": {"additional_special_tokens": ["[EXT]"]},
           "tokenizer_config.json": {"additional_special_tokens": ["[ADD]"]}}
    yield {"special_tokens_map.json": {"image_token": "[EXT]"}, "tokenizer_config.json": {"boi_token": "[ADD]"}}
    yield {"special_tokens_map.json": {"pad_token": "[EXT]"},
           "tokenizer_config.json": {"added_tokens_decoder": {str(next_id): described("[NEW]")}}}
    yield {"added_tokens.json": {"[NEW]": next_id}}
    yield {"added_tokens.json": {"[EXT]": next_id + 1, "[NEW]": next_id}}
    yield {"added_tokens.json": {"[NEW]": next_id}, "tokenizer_config.json": {"pad_token": "[NEW]"}}
    yield {"added_tokens.json": {"[NEW]": next_id}, "special_tokens_map.json": {"pad_token": token}}
    yield {"added_tokens.json": {"[NEW]": next_id, "[EXT]": next_id}}
    yield {"added_tokens.json": {"[NEW]": next_id + 4}}
    yield {"added_tokens.json": {"[NEW]": "x"}}
    yield {"added_tokens.json": {"a": 0}}
    yield {"added_tokens.json": {}}


def json_changes(base):
    """Changes of tokenizer.json."""
    added, size = base["tokenizer.json"]["added_tokens"], sizes(base)
    yield {"truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0}}
    yield {"padding": {"strategy": {"Fixed": 4}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 5,
                       "pad_type_id": 0, "pad_token": "a"}}
    yield {"post_processor": None}
    yield {"normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False,
                          "strip_accents": False, "lowercase": False}}
    yield {"added_tokens": [*added, flags(size, "[NEW]")]}
    yield {"added_tokens": [*added, flags(size, "[NEW]", lstrip=True, special=False)]}
    yield {"added_tokens": [*added, flags(size + 1, "[NEW]"), flags(size, "[EXT]")]}
    yield {"added_tokens": [*added, flags(size, "[NEW]"), flags(size, "[EXT]")]}
    yield {"added_tokens": [*added, flags(size, "[NEW]"), flags(size + 1, "[NEW]")]}
    yield {"added_tokens": []}


def classes(name):
    """Values of tokenizer_class; None leaves it out."""
    own = {"bert": "BertTokenizer", "roberta": "RobertaTokenizerFast", "gpt2": "GPT2Tokenizer", "llama": "LlamaTokenizer"}
    alone = {"xlm-roberta": "XLMRobertaTokenizerFast", "qwen2": "Qwen2Tokenizer", "qwen2-files": "Qwen2Tokenizer",
             "gemma": "GemmaTokenizer", "deberta": "DebertaV2TokenizerFast", "deberta-files": "DebertaV2Tokenizer"}
    if name in alone:
        yield alone[name]
        return
    if name == "phi":
        yield from (None, "CodeGenTokenizer")
        return
    if name in ("gemma2", "qwen3", "mistral", "phi3", "smollm3", "modernbert"):
        return
    yield None
    yield own[name.split("-")[0]]
    if not name.endswith("-files"):
        yield "PreTrainedTokenizerFast"


def more(base_name, base):
    """Folders by class and file rather than by key."""
    for value in ("DistilBertTokenizer", "GPT2TokenizerFast", "LlamaTokenizerFast", "BartTokenizer", "NovelTokenizer",
                  "PreTrainedTokenizer", "TokenizersBackend", "AlbertTokenizerFast", "Qwen2Tokenizer", "", 5):
        yield {"tokenizer_config.json": {"tokenizer_class": value}}
        yield {"config.json": {**base["config.json"], "tokenizer_class": value}}
    yield {"config.json": None}
    yield {"config.json": None, "tokenizer_config.json": {"do_lower_case": False, "pad_token": "a"}}


def folders():
    """Base, tokenizer_class or None, and files beside those of the base."""
    for name, base in bases().items():
        for cls in classes(name):
            for config in one_key(sizes(base)):
                yield name, cls, {"tokenizer_config.json": config}
            for files in other_files(sizes(base)):
                yield name, cls, files
            for change in json_changes(base) if "tokenizer.json" in base else ():
                yield name, cls, {"tokenizer.json": change}
        for files in more(name, base):
            yield name, None, files
        if "tokenizer.json" not in base:
            continue
        added = base["tokenizer.json"]["added_tokens"]
        decoder = {"added_tokens_decoder": {str(sizes(base)): described("[NEW]", lstrip=True, normalized=True)}}
        for changes in ({}, {"special": False}, {"special": False, "normalized": True}, {"rstrip": True}):
            tokens = {"added_tokens": [*added, flags(sizes(base), "[NEW]", **changes)]}
            yield name, "PreTrainedTokenizerFast", {"tokenizer.json": tokens, "tokenizer_config.json": decoder}


def write(directory, base, cls, files):
    merged = {**base, **files}
    if cls is not None:
        merged["tokenizer_config.json"] = {**files.get("tokenizer_config.json", {}), "tokenizer_class": cls}
    for file, value in merged.items():
        if file == "tokenizer.json" and file in files:
            value = {**base[file], **value}
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            content = base64.b64decode(text) if file.endswith(".model") else text.encode()
            (Path(directory) / file).write_bytes(content)


def result(tokenizer, text, pair=None, length=None, strategy="longest_first"):
    """Ids, token types and decoded text."""
    try:
        truncation = strategy if length else False
        found = tokenizer(text, pair, truncation=truncation, max_length=length, return_token_type_ids=True)
        return [found["input_ids"], found["token_type_ids"], tokenizer.decode(found["input_ids"], skip_special_tokens=True)]
    except Exception:  # The Rust library raises no other type.
        return "error"


def outcome(base, cls, files):
    """Ids of the roles and the results of the calls, or the string "error"."""
    with tempfile.TemporaryDirectory(prefix="t-") as directory:
        write(directory, base, cls, files)
        try:
            tokenizer = AutoTokenizer.from_pretrained(directory)
            roles = [tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id]
        except Exception:  # What Python raises is of many types, the Rust library's among them.
            return "error"
        return {"roles": roles, "results": [result(tokenizer, *call) for call in CALLS]}


def main():
    assert transformers.__version__ == "5.17.0", transformers.__version__
    table = {"calls": CALLS, "bases": bases(), "files": [], "results": [], "outcomes": []}
    index, cases = {}, {}

    def number(name, value):
        key = (name, json.dumps(value))
        if key not in index:
            index[key] = len(table[name])
            table[name].append(value)
        return index[key]

    for base, cls, files in folders():
        key = (base, cls, number("files", files))
        if key in cases:
            continue
        found = outcome(table["bases"][base], cls, files)
        if found != "error":
            found["results"] = [number("results", result) for result in found["results"]]
        cases[key] = number("outcomes", found)
    # For each base and class, pairs of files and outcome one after the other.
    table["cases"] = []
    for base, cls in dict.fromkeys(key[:2] for key in cases):
        pairs = [(key[2], value) for key, value in cases.items() if key[:2] == (base, cls)]
        table["cases"].append([base, cls, *(number for pair in pairs for number in pair)])
    compact = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    lines = "".join(compact({name: value}) + "\n" for name, value in table.items())
    (HERE / "folders.jsonl").write_text(lines, encoding="utf-8")
    print(len(cases), "folders", {name: len(value) for name, value in table.items()})


if __name__ == "__main__":
    main()
