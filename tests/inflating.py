"""An engine, or zlib, driven through a DEFLATE stream in pieces of any size."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle

from idxdata.inflate import Defect, Inflater, new_inflater
from tests.inflate_oracle import Outcome, inflate

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
