"""Random words and masks by their written rules, one number at a time.

Threefry-2x32 with 20 rounds: Salmon et al. 2011. A key is folded by a number as the block at
(number, 0), by a path as the block at (FNV-1a of the path, 1). The word of a mask lies in the block
at (counter of the example, coordinate >> 1), first or second by the coordinate's last bit.
"""

import math
from fractions import Fraction

WORD = 2**32
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def threefry(key, counter):
    keys = (key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = (counter[0] + keys[0]) % WORD, (counter[1] + keys[1]) % WORD
    for count in range(1, 21):
        x = (x + y) % WORD
        bits = ROTATIONS[(count - 1) % 8]
        y = ((y << bits) | (y >> (32 - bits))) % WORD ^ x
        if count % 4 == 0:
            injection = count // 4
            x = (x + keys[injection % 3]) % WORD
            y = (y + keys[(injection + 1) % 3] + injection) % WORD
    return x, y


# Known answers of Random123, the authors' own library.
assert threefry((0, 0), (0, 0)) == (0x6B200159, 0x99BA4EFE)
assert threefry((WORD - 1, WORD - 1), (WORD - 1, WORD - 1)) == (0x1CB996FC, 0xBB002BE7)
assert threefry((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3)) == (0xC4923A9C, 0x483DF7A0)


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = (value ^ byte) * 0x01000193 % WORD
    return value


assert fnv1a("foobar") == 0xBF9CF968


def seed_key(seed):
    return seed // WORD, seed % WORD


def fold(key, by):
    return threefry(key, (fnv1a(by), 1) if isinstance(by, str) else (by, 0))


def draw(key, example, coordinate):
    return threefry(key, (example, coordinate // 2))[coordinate % 2]


def uniform(key, count):
    """Numbers in [0, 1), of which the weights of the models are made."""
    return [draw(key, 0, i) / WORD for i in range(count)]


def below_rate(site, key, example, coordinate):
    return draw(key, example, coordinate) < math.floor(site["rate"] * WORD)


def span_size(site, length):
    share = Fraction(str(site["rate"])) * length
    size = site.get("spanLength") or max(1, math.floor(share + Fraction(1, 2)))
    return min(size, length)


def choose(word, count):
    """One of `count` numbers from 0, by the upper half of a word."""
    return (word >> 16) * count // 2**16


def span_of(site, key, example, length, run=0):
    """The tokens of a span among `length` real ones; heads are numbered runs."""
    size = span_size(site, length)
    start = choose(draw(key, example, run), length - size + 1)
    return range(start, start + size)


def guided_span(site, key, example, received):
    """A span that begins at one of the 40 % of tokens that receive most attention in the layer."""
    length = len(received)
    order = sorted(range(length), key=lambda token: -received[token])
    start = order[choose(draw(key, example, 0), max(1, length * 4 // 10))]
    return range(start, min(length, start + span_size(site, length)))


def hidden_drops(site, key, example, shape, received=None):
    """Which numbers of `[tokens, width]` are dropped: a list of tokens, each a list of features."""
    tokens, width = shape
    structure = site["structure"]
    if structure == "span":
        if site.get("start") == "attention":
            span = guided_span(site, key, example, received)
        else:
            span = span_of(site, key, example, tokens)
        return [[t in span] * width for t in range(tokens)]
    coordinate = {
        "element": lambda t, f: t * width + f,
        "column": lambda t, f: t,
        "feature": lambda t, f: f,
    }[structure]
    return [
        [below_rate(site, key, example, coordinate(t, f)) for f in range(width)]
        for t in range(tokens)
    ]


def attention_drops(site, key, example, tokens, head, maximum):
    """Which keys are dropped for each query of a head. Axes of tokens have `maximum` places."""
    own = head if site.get("perHead", True) else 0
    every = range(tokens)
    if site["structure"] == "span":
        span = span_of(site, key, example, tokens, own)
        return [[k in span for k in every] for _ in every]
    element = site["structure"] == "element"

    def coordinate(query, k):
        return (own * maximum + query) * maximum + k if element else own * maximum + k

    return [[below_rate(site, key, example, coordinate(q, k)) for k in every] for q in every]


def survivors(visible, drops):
    """Keys that a query keeps: all that it sees, where it would lose every one of them."""
    kept = [v and not d for v, d in zip(visible, drops)]
    return kept if any(kept) else visible
