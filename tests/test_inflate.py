"""Raw DEFLATE (RFC 1951): both engines say what the oracle says, and it what zlib says.

Every comparison is of the whole `Outcome`: output, defect, offset, whether it ended.
"""

import zlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from idxdata.inflate import DEFECTS
from tests.deflate_streams import (
    DISTANCES,
    END,
    LENGTHS,
    REPEAT_BASE,
    REPEAT_PRECODE,
    DeflateStream,
    Dist,
    Field,
    LitLen,
    Pre,
    lengths_of,
    match,
    repeat,
)
from tests.inflate_oracle import Outcome, inflate
from tests.inflate_vectors import SOUND, TOO_FAR, UNSOUND, noise
from tests.inflating import (
    MAX_NBYTES,
    PIECES,
    WHOLE,
    Pieces,
    Step,
    check,
    enlarged,
    expected,
    feed,
)
from tests.strategies import edits


@pytest.fixture(params=["numba", "zlib"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine by its name."""
    return str(request.param)


engines = st.sampled_from(["numba", "zlib"])
sizes = st.lists(st.integers(1, 400), min_size=1, max_size=4)
any_pieces = st.builds(Pieces, sizes, sizes, st.integers(1, 5))


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
