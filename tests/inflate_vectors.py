"""DEFLATE streams built by hand: one or more for each defect, and sound ones."""

import random
from collections.abc import Sequence

from tests.deflate_streams import (
    DISTANCES,
    END,
    REPEAT_PRECODE,
    RESERVED,
    Bits,
    DeflateStream,
    Dist,
    Field,
    LitLen,
    Pre,
    lengths_of,
    literals,
    match,
    repeat,
)

noise = random.Random(1951).randbytes(70_000)


def dynamic(
    body: Sequence[Field], litlen: dict[int, int], dist: dict[int, int] | None = None
) -> DeflateStream:
    """A last block with these code lengths, by symbol; 286 and 30 are written."""
    return DeflateStream().dynamic(
        body, lengths_of(286, litlen), lengths_of(30, dist or {}), final=True
    )


def fixed(body: Sequence[Field]) -> DeflateStream:
    return DeflateStream().fixed(body, final=True)


def header(**fields: object) -> DeflateStream:
    """A dynamic block without body, sound but for `fields`."""
    litlen, dist = lengths_of(257, {0: 1, 256: 1}), [1, 1]
    return DeflateStream().dynamic([], litlen, dist, final=True, **fields)  # type: ignore[arg-type]


LONE_END, TWO = {256: 1}, {0: 1, 256: 1}
THREE = {97: 2, 256: 2, 257: 1}  # literal a, end of block, length 3
A_MATCH: list[Field] = [LitLen(97), LitLen(257)]
TOO_MANY = "too many length or distance symbols"
CODE_LENGTHS = "invalid code lengths set"
REPEAT = "invalid bit length repeat"
NO_END = "invalid code -- missing end-of-block"
LITLEN_SET = "invalid literal/lengths set"
DIST_SET = "invalid distances set"
LITLEN_CODE = "invalid literal/length code"
DIST_CODE = "invalid distance code"
TOO_FAR = "invalid distance too far back"

UNSOUND: dict[str, tuple[str, DeflateStream]] = {
    "block type 3": ("invalid block type", DeflateStream().head(RESERVED)),
    "block type 3, second": (
        "invalid block type",
        DeflateStream().fixed([*literals(b"abc"), END]).head(RESERVED),
    ),
    "287 literals/lengths": (TOO_MANY, header(counts=(287, 1, 4))),
    "288 literals/lengths": (TOO_MANY, header(counts=(288, 1, 4))),
    "31 distances": (TOO_MANY, header(counts=(257, 31, 4))),
    "32 distances": (TOO_MANY, header(counts=(286, 32, 19))),
    "precode over": (CODE_LENGTHS, header(precode=(1, 1, 1) + (0,) * 16)),
    "precode over, all 1": (CODE_LENGTHS, header(precode=(1,) * 19)),
    "precode under": (CODE_LENGTHS, header(precode=(1, 2) + (0,) * 17)),
    "precode lone": (CODE_LENGTHS, header(precode=(0, 1) + (0,) * 17, fields=[])),
    "precode empty": (
        NO_END,
        header(precode=(0,) * 19, fields=[]).put_bits(-1, 259),
    ),
    "repeat of nothing": (
        REPEAT,
        header(precode=REPEAT_PRECODE, fields=[repeat(16, 3)]),
    ),
    "repeat 16 past the end": (
        REPEAT,
        header(precode=REPEAT_PRECODE, fields=[Pre(1)] * 257 + [repeat(16, 3)]),
    ),
    "repeat 17 past the end": (
        REPEAT,
        header(precode=REPEAT_PRECODE, fields=[Pre(1)] * 250 + [repeat(17, 10)]),
    ),
    "repeat 18 past the end": (
        REPEAT,
        header(precode=REPEAT_PRECODE, fields=[Pre(1)] * 122 + [repeat(18, 138)]),
    ),
    "no end of block": (NO_END, dynamic([], {0: 1, 1: 1}, {0: 1})),
    "no end of block, nor anything": (NO_END, dynamic([], {})),
    "no end of block, and sets over": (
        NO_END,
        dynamic([], {0: 1, 1: 1, 2: 1}, {0: 1, 1: 1, 2: 1}),
    ),
    "litlen over": (LITLEN_SET, dynamic([], {0: 1, 1: 1, 256: 15}, {0: 1})),
    "litlen over, all 1": (LITLEN_SET, dynamic([], dict.fromkeys(range(286), 1))),
    "litlen under": (LITLEN_SET, dynamic([], {0: 1, 256: 2}, {0: 1})),
    "litlen under by one of 15 bits": (
        LITLEN_SET,
        dynamic([], {**{n: n for n in range(1, 15)}, 256: 15}),
    ),
    "litlen lone, of 2 bits": (LITLEN_SET, dynamic([], {256: 2}, {0: 1})),
    "both sets over": (
        LITLEN_SET,
        dynamic([], {0: 1, 1: 1, 256: 1}, {0: 1, 1: 1, 2: 1}),
    ),
    "dist over": (DIST_SET, dynamic([], LONE_END, {0: 1, 1: 1, 29: 15})),
    "dist under": (DIST_SET, dynamic([], TWO, {0: 1, 1: 2})),
    "dist lone, of 2 bits": (DIST_SET, dynamic([], TWO, {0: 2})),
    "dist lone, of 15 bits": (DIST_SET, dynamic([], TWO, {29: 15})),
    "fixed 286": (LITLEN_CODE, fixed([LitLen(97), LitLen(286)])),
    "fixed 287": (LITLEN_CODE, fixed([LitLen(287)])),
    "litlen lone, other bit": (LITLEN_CODE, dynamic([Bits(1, 1)], LONE_END)),
    "fixed dist 30": (DIST_CODE, fixed([*A_MATCH, Dist(30)])),
    "fixed dist 31": (DIST_CODE, fixed([*A_MATCH, Dist(31)])),
    "no dist code, 0": (DIST_CODE, dynamic([*A_MATCH, Bits(0, 1)], THREE)),
    "no dist code, 1": (DIST_CODE, dynamic([*A_MATCH, Bits(1, 1)], THREE)),
    "dist lone, other bit": (
        DIST_CODE,
        dynamic([*A_MATCH, Bits(1, 1)], THREE, {0: 1}),
    ),
    "match at the start": (TOO_FAR, fixed(match(3, 1))),
    "match before the start": (TOO_FAR, fixed([LitLen(97), *match(258, 2)])),
    "match far before the start": (
        TOO_FAR,
        DeflateStream().stored(noise[:32767]).fixed(match(3, 32768)),
    ),
    "match of an earlier stream": (
        TOO_FAR,
        DeflateStream().fixed([LitLen(97), END]).fixed(match(3, 2)),
    ),
}
UNSOUND |= {
    f"stored lengths, bit {bit}": (
        "invalid stored block lengths",
        DeflateStream().stored(b"abc").stored(b"abc", nlen=~3 ^ 1 << bit),
    )
    for bit in range(16)
}


# Streams that are sound


def chain(depth: int, leaves: int) -> list[int]:
    """A complete code: one each of 1, 2, ... bits, then `leaves` of `depth` bits."""
    return [*range(1, depth + 1 - leaves.bit_length() + 1), *[depth] * leaves]


def whole_code(depth: int) -> DeflateStream:
    """Each literal of a code of this depth, twice, in two orders."""
    lengths = chain(depth, 2 ** min(depth - 1, 6))
    symbols = [256, *range(len(lengths) - 1)]
    litlen = dict(zip(symbols, lengths[::-1], strict=True))
    body: list[Field] = [LitLen(symbol) for symbol in symbols[1:]]
    return dynamic([*body, *body[::-1], END], litlen)


def whole_dist_code(depth: int) -> DeflateStream:
    """Each symbol of a distance code of this depth, up to where output reaches."""
    lengths = chain(depth, 2 ** min(depth - 1, 4))
    dist = lengths_of(30, dict(enumerate(lengths)))
    body: list[Field] = []
    for symbol in range(len(lengths)):
        nbits = DISTANCES[symbol][1]
        body += [LitLen(97), LitLen(257), Dist(symbol, min(3, 2**nbits - 1), nbits)]
    prefix = noise[: DISTANCES[len(lengths) - 1][0] + 3]
    stream = DeflateStream().stored(prefix)
    return stream.dynamic([*body, END], lengths_of(286, THREE), dist, final=True)


def aligned(shift: int) -> DeflateStream:
    """A stored block that begins at each bit of a byte, by literals of 9 bits."""
    stream = DeflateStream().fixed([*literals(b"\xff" * shift), END])
    return stream.stored(b"abcdef").fixed([*match(6, 6), END], final=True)


SOUND: dict[str, DeflateStream] = {
    "empty stored": DeflateStream().stored(b"", final=True),
    "empty stored, many": DeflateStream()
    .stored(b"")
    .stored(b"")
    .stored(b"", final=True),
    "stored": DeflateStream().stored(b"abc").stored(b"\0\xff", final=True),
    "empty fixed": fixed([END]),
    "litlen lone": dynamic([END], LONE_END),
    "litlen lone, dist lone": dynamic([END], LONE_END, {29: 1}),
    "smallest header": DeflateStream().dynamic(
        [END], lengths_of(257, LONE_END), [0], final=True
    ),
    "no dist code": dynamic([*literals(b"aaa"), END], THREE),
    "dist lone": dynamic([*A_MATCH, Dist(0), LitLen(257), Dist(0), END], THREE, {0: 1}),
    "dist lone, not the first": dynamic(
        [*literals(b"aaaa"), LitLen(257), Dist(3), END], THREE, {3: 1}
    ),
    "every fixed literal": fixed([*literals(bytes(range(256))), END]),
    "258 by 284": fixed([LitLen(9), *match(258, 1, length_symbol=284), END]),
    "258 by 285": fixed([LitLen(9), *match(258, 1), END]),
    "blocks of all kinds": DeflateStream()
    .fixed([*literals(b"abc"), *match(4, 2), END])
    .stored(b"defg")
    .dynamic(
        [*A_MATCH, Dist(5, 1, 1), END], lengths_of(258, THREE), lengths_of(6, {5: 1})
    )
    .fixed([*match(20, 9), END], final=True),
}
SOUND |= {f"litlen code of {n} bits": whole_code(n) for n in range(2, 16)}
SOUND |= {f"dist code of {n} bits": whole_dist_code(n) for n in range(2, 16)}
SOUND |= {f"stored after {n} bits": aligned(n) for n in range(8)}
