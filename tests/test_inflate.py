"""Raw DEFLATE (RFC 1951): both engines say what the oracle says, and it what zlib says.

Every comparison is of the whole `Outcome`: output, defect, offset, whether it ended.
"""

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from idxdata.inflate import DEFECTS, Defect, Inflater, new_inflater
from tests.deflate_streams import (
    DISTANCES,
    END,
    LENGTHS,
    REPEAT_BASE,
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
from tests.inflate_oracle import Outcome, inflate
from tests.strategies import edits

GUARD = b"\xa5" * 64
MAX_NBYTES = 1 << 14  # of output, of examples that hypothesis draws


@dataclass(frozen=True)
class Pieces:
    """How an engine is called.

    `source` and `out` are the sizes, in turn, of what is added to the source and of
    the room for output; `shared` is how many calls in a row fill the same buffer.
    """

    source: Sequence[int] = (1 << 17,)
    out: Sequence[int] = (1 << 17,)
    shared: int = 1


WHOLE = Pieces()
PIECES = {
    "whole": WHOLE,
    "bytes": Pieces((1,), (1,)),
    "source-bytes": Pieces((1,), (1000,)),
    "out-bytes": Pieces(out=(1,)),
    "out-bytes-shared": Pieces(out=(1,), shared=1 << 17),
    "odd": Pieces((5, 1, 9), (7, 300, 2, 31), 3),
}


def enlarged(pieces: Pieces) -> Pieces:
    """A thousand times the sizes: for streams that are long themselves."""
    source, out = (
        [min(1000 * size, 1 << 17) for size in part]
        for part in (pieces.source, pieces.out)
    )
    return Pieces(source, out, pieces.shared)


@pytest.fixture(params=["numba", "zlib"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine by its name."""
    return str(request.param)


engines = st.sampled_from(["numba", "zlib"])
sizes = st.lists(st.integers(1, 400), min_size=1, max_size=4)
any_pieces = st.builds(Pieces, sizes, sizes, st.integers(1, 5))
noise = random.Random(1951).randbytes(70_000)


# Driving an engine


@dataclass(frozen=True)
class Step:
    """What one call of an engine did; `consumed` and `output` are of this call."""

    consumed: int
    output: bytes
    ended: bool = False
    defect: str | None = None


def call(
    inflater: Inflater, source: bytes, kept: bytes, nbytes: int, last: bool
) -> Step:
    """One call, with guard bytes around both buffers, and room for `nbytes`.

    `kept` is what the buffer has already.
    """
    before = GUARD + source + GUARD
    room = bytearray(GUARD + kept + bytes(nbytes) + GUARD)
    view = memoryview(before)[len(GUARD) : -len(GUARD)]
    out = memoryview(room)[len(GUARD) : -len(GUARD)]
    defect = None
    try:
        consumed, produced, ended = inflater.inflate(view, out, last, len(kept))
    except Defect as error:
        consumed, produced, ended = error.consumed, error.produced, False
        defect = error.name
    assert before == GUARD + source + GUARD
    assert room.startswith(GUARD + kept)
    assert room.endswith(GUARD)
    # A defect may lie in the rest of a byte that an earlier call has consumed.
    assert -1 <= consumed <= len(source)
    assert consumed >= 0 or defect
    assert 0 <= produced <= nbytes
    output = bytes(out[len(kept) : len(kept) + produced])
    return Step(consumed, output, ended, defect)


def feed(data: bytes, engine: str, pieces: Pieces) -> Iterator[Step]:
    """The calls that decode `data`.

    The source grows when it is used up or the engine made no progress with it.
    """
    inflater = new_inflater(engine)  # type: ignore[arg-type]
    grow, room = cycle(pieces.source), cycle(pieces.out)
    start, stop, kept = 0, min(next(grow), len(data)), b""
    for number in count(1):
        last = stop == len(data)
        step = call(inflater, data[start:stop], kept, next(room), last)
        yield step
        start += step.consumed
        kept = kept + step.output if number % pieces.shared else b""
        idle = not step.consumed and not step.output
        if step.ended or step.defect or (idle and last):
            return
        if idle or start == stop:
            stop = min(stop + next(grow), len(data))


def decode(data: bytes, engine: str, pieces: Pieces = WHOLE) -> Outcome:
    """All that the engine makes of `data`, in the oracle's terms."""
    steps = list(feed(data, engine, pieces))
    output = b"".join(step.output for step in steps)
    offset = sum(step.consumed for step in steps)
    end = steps[-1]
    if not end.ended and not end.defect:
        offset = len(data)
    return Outcome(output, end.defect, offset, end.ended)


def zlib_bytewise(data: bytes) -> Outcome:
    """What zlib says when it gets one byte at a time.

    Python drops what zlib decoded from the byte on which it raises: of a stream
    with a defect the output may lack its end.
    """
    inflater = zlib.decompressobj(-15)
    output = bytearray()
    for at in range(len(data)):
        try:
            output += inflater.decompress(data[at : at + 1])
        except zlib.error as error:
            return Outcome(bytes(output), str(error).partition(": ")[2], at, False)
        if inflater.eof:
            return Outcome(bytes(output), None, at + 1, True)
    return Outcome(bytes(output), None, len(data), False)


def assert_same(outcome: Outcome, oracle: Outcome, reference: Outcome) -> None:
    """`outcome`, of zlib, is the oracle's, but for output that zlib held back."""
    if oracle.defect is None:
        assert outcome == oracle
        return
    assert replace(outcome, output=b"") == replace(oracle, output=b"")
    assert oracle.output.startswith(outcome.output)
    assert len(outcome.output) >= len(reference.output)


def expected(data: bytes) -> Outcome:
    """The oracle's outcome, after checking it against zlib's."""
    oracle, reference = inflate(data), zlib_bytewise(data)
    assert_same(reference, oracle, reference)
    return oracle


def check(data: bytes, engine: str, pieces: Pieces = WHOLE) -> Outcome:
    """The outcome of `data`, on which oracle, zlib and the engine agree."""
    oracle = expected(data)
    outcome = decode(data, engine, pieces)
    if engine == "zlib":
        assert_same(outcome, oracle, zlib_bytewise(data))
    else:
        assert outcome == oracle
    return oracle


# Streams that are refused: one or more for each defect


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


def test_each_defect_has_a_stream() -> None:
    assert {defect for defect, _ in UNSOUND.values()} == set(DEFECTS)


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize(("defect", "stream"), UNSOUND.values(), ids=UNSOUND)
def test_defect(
    defect: str,
    stream: DeflateStream,
    engine: str,
    pieces: Pieces,
) -> None:
    data = stream.raw()
    outcome = expected(data)
    assert outcome.defect == defect
    needed = data[: outcome.offset + 1]
    if len(data) > 2000:
        pieces = enlarged(pieces)
    assert check(needed[:-1], engine, pieces).defect is None
    for tail in (b"", bytes(20), b"\xff" * 20):
        assert check(needed + tail, engine, pieces) == outcome


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


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("stream", SOUND.values(), ids=SOUND)
def test_sound(
    stream: DeflateStream,
    engine: str,
    pieces: Pieces,
) -> None:
    """With any bytes behind: none of them is consumed."""
    data = stream.raw()
    if len(data) > 2000:
        pieces = enlarged(pieces)
    for tail in (b"", b"\0", b"\xff" * 20):
        outcome = check(data + tail, engine, pieces)
        assert (outcome.ended, outcome.offset) == (True, len(data))


@pytest.mark.parametrize("source", [(1 << 17,), (30_000, 999)], ids=str)
@pytest.mark.parametrize("out", [(1 << 17,), (32_768,), (65_534, 1)], ids=str)
def test_longest_stored_block(
    engine: str, source: Sequence[int], out: Sequence[int]
) -> None:
    data = DeflateStream().stored(noise[:65_535]).stored(b"", final=True).raw()
    assert check(data, engine, Pieces(source, out)).output == noise[:65_535]


RUNS = [
    (symbol, times)
    for symbol, most in ((16, 6), (17, 10), (18, 138))
    for times in range(REPEAT_BASE[symbol], most + 1)
]
FOURS = lengths_of(286, {256: 4, **dict.fromkeys(range(271, 286), 4)})
ZEROS = lengths_of(286, {0: 1, 256: 1})


@pytest.mark.parametrize(("symbol", "times"), RUNS)
def test_every_precode_repeat(engine: str, symbol: int, times: int) -> None:
    """Within the literals; and from the literals/lengths on to the distances."""
    if symbol == 16:
        check_run(engine, [8] * 226 + [9] * 60, [1, 1], 100, symbol, times)
        for before in range(1, times):
            check_run(engine, FOURS, [4] * 16, 286 - before, symbol, times)
    else:
        check_run(engine, ZEROS, [0], 1 + times % 7, symbol, times)
        if times < 60:
            start = 286 - min(29, times // 2)
            check_run(engine, ZEROS, [0] * 30, start, symbol, times)


def check_run(
    engine: str,
    litlen: Sequence[int],
    dist: Sequence[int],
    start: int,
    symbol: int,
    times: int,
) -> None:
    """The lengths from `start` on by one repeat, all others one by one."""
    fields = [Pre(length) for length in (*litlen, *dist)]
    fields[start : start + times] = [repeat(symbol, times)]
    body: list[Field] = [LitLen(0)] * 9 if litlen[0] else []
    body += [LitLen(285), Dist(len(dist) - 1, 0, 0)] if litlen[285] == 4 else []
    stream = DeflateStream().stored(noise[:800])
    stream.dynamic([*body, END], litlen, dist, fields=fields, precode=REPEAT_PRECODE)
    data = stream.stored(b"x", final=True).raw()
    check(data, engine)


# Matches

DISTANCES_TRIED = [*range(1, 41), 63, 64, 65, 257, 258, 259, 1024, 32_767, 32_768]


@pytest.mark.parametrize("distance", DISTANCES_TRIED)
def test_lengths_and_distances(engine: str, distance: int) -> None:
    """Lengths 3 to 258, each followed by a literal; 258 in both of its ways."""
    step = 1 if distance in (1, 3, 32_768) else 7
    body: list[Field] = [*match(258, distance, length_symbol=284)]
    for length in range(258, 2, -step):
        body += [*match(length, distance), LitLen(length % 256)]
    data = DeflateStream().stored(noise[:distance]).fixed([*body, END], final=True)
    check(data.raw(), engine, Pieces(out=(5003,), shared=distance % 3 + 1))


@pytest.mark.parametrize("before", [1, 2, 5, 100, 4097, 32_766, 32_767])
def test_the_first_byte_is_the_farthest(engine: str, before: int) -> None:
    for pieces in (WHOLE, Pieces(out=(1000,)), Pieces(out=(1000,), shared=9)):
        for distance in (before, before + 1):
            stream = DeflateStream().stored(noise[:before])
            data = stream.fixed([*match(3, distance), END], final=True).raw()
            assert check(data, engine, pieces).ended == (distance == before)


@pytest.mark.parametrize("room", [1, 2, 3, 5, 8, 64, 100, 257, 258, 259, 300, 1000])
def test_matches_across_buffers(engine: str, room: int) -> None:
    """Sources lie in this buffer, in earlier ones, or in both."""
    body: list[Field] = []
    for distance in (1, 2, 3, 7, 50, 258, 300):
        for length in (3, 10, 70, 258):
            body += [*match(length, distance), LitLen(length % 256)]
    data = DeflateStream().stored(noise[:300]).fixed([*body, END], final=True).raw()
    for shared in (1, 4):
        assert check(data, engine, Pieces(out=(room,), shared=shared)).ended


@pytest.mark.parametrize("room", [999, 16_384, 32_767, 32_768, 32_769, 40_000])
def test_the_window_outlives_the_buffers(engine: str, room: int) -> None:
    far = [*match(258, 32_768), *match(258, 32_767), LitLen(0), *match(3, 32_768)]
    stream = DeflateStream().stored(noise[:33_000]).fixed([*far, END])
    stream.stored(noise[33_000:34_000]).fixed([*far * 3, END], final=True)
    for shared in (1, 2):
        assert check(stream.raw(), engine, Pieces(out=(room,), shared=shared)).ended


# Cut short, and work


SMALL_FILES = {
    "blocks of all kinds": SOUND["blocks of all kinds"].raw(),
    "by zlib": zlib.compress(bytes(n**3 % 251 % 13 for n in range(200)), 9, wbits=-15),
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("name", SMALL_FILES)
def test_every_truncation(name: str, engine: str, pieces: Pieces) -> None:
    data = SMALL_FILES[name]
    for nbytes in range(len(data)):
        outcome = check(data[:nbytes], engine, pieces)
        assert (outcome.defect, outcome.ended, outcome.offset) == (None, False, nbytes)


ALL_BITS = {256: 15, 0: 15} | {n: n for n in range(1, 15)}
EMPTY_BLOCKS: dict[str, Callable[[DeflateStream], DeflateStream]] = {
    "stored": lambda stream: stream.stored(b""),
    "fixed": lambda stream: stream.fixed([END]),
    "dynamic": lambda stream: stream.dynamic([END], lengths_of(286, ALL_BITS), [1]),
}


def empty_blocks(name: str, times: int) -> bytes:
    """So many blocks without output, and three bytes behind them."""
    stream = DeflateStream()
    for _ in range(times):
        EMPTY_BLOCKS[name](stream)
    return stream.stored(b"abc", final=True).raw()


@pytest.mark.parametrize("name", EMPTY_BLOCKS)
def test_empty_blocks_take_no_more_calls(engine: str, name: str) -> None:
    """Any number of them: one call."""
    data = empty_blocks(name, 100)
    (step,) = feed(data, engine, WHOLE)
    assert step == Step(len(data), b"abc", ended=True)


@pytest.mark.parametrize("name", EMPTY_BLOCKS)
def test_each_byte_is_consumed_once(engine: str, name: str) -> None:
    """Bytewise there is at most one idle call for each byte."""
    data = empty_blocks(name, 3)
    steps = list(feed(data, engine, PIECES["source-bytes"]))
    assert len(steps) <= 2 * len(data) + 1
    assert sum(step.consumed for step in steps) == len(data)


# Any streams


@st.composite
def code_lengths(draw: st.DrawFn, symbols: list[int]) -> dict[int, int]:
    """A complete code, or a lone one of one bit, for all `symbols`, up to 15 bits."""
    lengths = [0] if len(symbols) > 1 else [1]
    shape = draw(st.randoms(use_true_random=False))
    while len(lengths) < len(symbols):
        deepest = max(length for length in lengths if length < 15)
        free = [place for place, length in enumerate(lengths) if length < 15]
        place = lengths.index(deepest) if shape.random() < 0.4 else shape.choice(free)
        length = lengths.pop(place) + 1
        lengths += [length, length]
    shape.shuffle(lengths)
    return dict(zip(symbols, lengths, strict=True))


@st.composite
def bodies(draw: st.DrawFn, litlen: list[int], dist: list[int]) -> list[Field]:
    """Symbols of these that a block may use; distances are mostly short."""
    body: list[Field] = []
    near = [symbol for symbol in dist if symbol < 8] or dist
    choice = draw(st.randoms(use_true_random=False))
    usable = [symbol for symbol in litlen if symbol < (286 if dist else 256)]
    for _ in range(draw(st.integers(0, 30)) if usable else 0):
        symbol = choice.choice(usable)
        if symbol == 256:
            continue
        if symbol < 256:
            body.append(LitLen(symbol))
            continue
        nbits = LENGTHS[symbol][1]
        body.append(LitLen(symbol, choice.randrange(1 << nbits), nbits))
        symbol = choice.choice(near if choice.random() < 0.95 else dist)
        nbits = DISTANCES[symbol][1]
        body.append(Dist(symbol, choice.randrange(1 << nbits), nbits))
    return [*body, END]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Blocks of all kinds with any codes; all sound but for distances too far."""
    stream = DeflateStream()
    kinds = draw(st.lists(st.sampled_from("sfdd"), min_size=1, max_size=4))
    for number, kind in enumerate(kinds, 1):
        final = number == len(kinds)
        if kind == "s":
            stream.stored(draw(st.binary(max_size=40)), final=final)
        elif kind == "f":
            body = draw(bodies([*range(286)], [*range(30)]))
            stream.fixed(body, final=final)
        else:
            some = st.lists(st.integers(0, 285), unique=True, max_size=60)
            used = sorted({*draw(some), 256})
            dists = sorted(draw(st.sets(st.integers(0, 29))))
            litlen = lengths_of(max(used) + 1, draw(code_lengths(used)))
            dist = draw(code_lengths(dists)) if dists else {}
            dist_lengths = lengths_of(max(dists, default=0) + 1, dist)
            body = draw(bodies(used, dists))
            stream.dynamic(body, litlen, dist_lengths, final=final)
    return stream.raw()


@st.composite
def compressed(draw: st.DrawFn) -> bytes:
    """What zlib writes, at any level and with any strategy, sync flushes included."""
    strategy = draw(st.integers(zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED))
    deflater = zlib.compressobj(draw(st.integers(0, 9)), wbits=-15, strategy=strategy)
    word = st.binary(min_size=1, max_size=12)
    words = draw(st.lists(word, min_size=1, max_size=6))
    order = draw(st.lists(st.sampled_from(words), max_size=80))
    half = len(order) // 2
    data = deflater.compress(b"".join(order[:half]))
    data += deflater.flush(draw(st.sampled_from([zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH])))
    return data + deflater.compress(b"".join(order[half:])) + deflater.flush()


def agree(data: bytes, engine: str, pieces: Pieces) -> Outcome:
    """The outcome of a drawn example, unless it is a long one."""
    assume(len(inflate(data, MAX_NBYTES).output) < MAX_NBYTES)
    return check(data, engine, pieces)


@given(data=streams(), engine=engines, pieces=any_pieces)
def test_any_stream(data: bytes, engine: str, pieces: Pieces) -> None:
    assert agree(data, engine, pieces).defect in (None, TOO_FAR)


@given(data=streams().flatmap(edits), engine=engines, pieces=any_pieces)
def test_any_stream_damaged(data: bytes, engine: str, pieces: Pieces) -> None:
    agree(data, engine, pieces)


@given(data=compressed(), tail=st.binary(max_size=9), engine=engines, pieces=any_pieces)
def test_what_zlib_writes(
    data: bytes, tail: bytes, engine: str, pieces: Pieces
) -> None:
    outcome = agree(data + tail, engine, pieces)
    assert (outcome.ended, outcome.offset) == (True, len(data))


@given(data=compressed().flatmap(edits), engine=engines, pieces=any_pieces)
def test_what_zlib_writes_damaged(data: bytes, engine: str, pieces: Pieces) -> None:
    agree(data, engine, pieces)


@given(data=st.binary(max_size=200), engine=engines, pieces=any_pieces)
def test_any_bytes(data: bytes, engine: str, pieces: Pieces) -> None:
    agree(data, engine, pieces)


@given(
    head=st.integers(0, 31),
    data=st.binary(min_size=1, max_size=200),
    engine=engines,
    pieces=any_pieces,
)
def test_any_bytes_as_a_dynamic_block(
    head: int, data: bytes, engine: str, pieces: Pieces
) -> None:
    agree(bytes([head << 3 | 4]) + data, engine, pieces)
