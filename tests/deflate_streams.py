"""DEFLATE streams (RFC 1951) built bit by bit, sound or not, from any field values.

Nothing is checked or completed: what the caller writes down is what comes out. A
block's body is a sequence of `LitLen`, `Dist` and `Bits`; it says nothing by itself,
so the end-of-block symbol (`END`) is the caller's to give, or to leave out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

STORED, FIXED, DYNAMIC, RESERVED = 0, 1, 2, 3

# RFC 1951 section 3.2.5: first value and number of extra bits, by symbol.
LENGTHS = dict(
    zip(
        range(257, 286),
        [(3 + n, 0) for n in range(8)]
        + [(((4 + n % 4) << n // 4 + 1) + 3, n // 4 + 1) for n in range(20)]
        + [(258, 0)],
        strict=True,
    )
)
DISTANCES = dict(
    enumerate(
        [(1 + n, 0) for n in range(4)]
        + [(((2 + n % 2) << n // 2 + 1) + 1, n // 2 + 1) for n in range(26)]
    )
)

FIXED_LITLEN = (8,) * 144 + (9,) * 112 + (7,) * 24 + (8,) * 8
FIXED_DIST = (5,) * 32

# Section 3.2.7: the order of the code lengths of the code length alphabet ("precode").
PRECODE_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
REPEAT_BITS = {16: 2, 17: 3, 18: 7}
REPEAT_BASE = {16: 3, 17: 3, 18: 11}

PLAIN_PRECODE = (4,) * 16 + (0,) * 3
"""A complete precode without repeats; the default."""

REPEAT_PRECODE = (4,) * 13 + (5,) * 6
"""A complete precode of all 19 symbols."""


@dataclass(frozen=True)
class LitLen:
    """A symbol of the literal/length code, 0 to 287, and the extra bits after it."""

    symbol: int
    extra: int = 0
    nbits: int = 0


@dataclass(frozen=True)
class Dist:
    """A symbol of the distance code, 0 to 31, and the extra bits after it."""

    symbol: int
    extra: int = 0
    nbits: int = 0


@dataclass(frozen=True)
class Bits:
    """`nbits` bits of `value`, lowest first, that belong to no code."""

    value: int
    nbits: int


@dataclass(frozen=True)
class Pre:
    """A symbol of the precode, 0 to 18, and its extra bits (`nbits` None: as many
    as the symbol has)."""

    symbol: int
    extra: int = 0
    nbits: int | None = None


Field = LitLen | Dist | Bits
END = LitLen(256)


def literals(data: bytes) -> list[Field]:
    """One literal for each byte."""
    return [LitLen(byte) for byte in data]


def match(length: int, distance: int, *, length_symbol: int = 0) -> list[Field]:
    """A length (3 to 258) and a distance (1 to 32768).

    By the highest symbol that can say it; `length_symbol` chooses another (284 can
    say 258, too).
    """
    symbol = length_symbol or max(s for s, (low, _) in LENGTHS.items() if low <= length)
    low, nbits = LENGTHS[symbol]
    far = max(s for s, (low, _) in DISTANCES.items() if low <= distance)
    near, far_nbits = DISTANCES[far]
    return [LitLen(symbol, length - low, nbits), Dist(far, distance - near, far_nbits)]


def repeat(symbol: int, count: int) -> Pre:
    """A precode repeat, by how often it repeats."""
    return Pre(symbol, count - REPEAT_BASE[symbol])


def canonical_codes(lengths: Sequence[int]) -> dict[int, tuple[int, int]]:
    """(code, length) of each symbol with a length, by section 3.2.2.

    Codes of an over-subscribed set do not fit their length; they are cut to it.
    """
    codes: dict[int, tuple[int, int]] = {}
    code = 0
    for nbits in range(1, max(lengths, default=0) + 1):
        code <<= 1
        for symbol, length in enumerate(lengths):
            if length == nbits:
                codes[symbol] = (code & (1 << nbits) - 1, nbits)
                code += 1
    return codes


class DeflateStream:
    """A stream under construction; each method appends and returns the stream."""

    def __init__(self) -> None:
        self._value = 0
        self.nbits = 0

    def put_bits(self, value: int, nbits: int) -> "DeflateStream":
        """The low `nbits` bits of `value`, lowest first."""
        self._value |= (value & (1 << nbits) - 1) << self.nbits
        self.nbits += nbits
        return self

    def put_code(self, code: tuple[int, int]) -> "DeflateStream":
        """A Huffman code, highest bit first."""
        for place in reversed(range(code[1])):
            self.put_bits(code[0] >> place, 1)
        return self

    def align(self) -> "DeflateStream":
        """Zero bits up to a whole byte."""
        return self.put_bits(0, -self.nbits % 8)

    def raw(self) -> bytes:
        """All bits so far; zero bits complete the last byte."""
        return self._value.to_bytes((self.nbits + 7) // 8, "little")

    def head(self, kind: int, *, final: bool = False) -> "DeflateStream":
        """A block's first three bits."""
        return self.put_bits(final, 1).put_bits(kind, 2)

    def stored(
        self,
        data: bytes,
        *,
        final: bool = False,
        length: int | None = None,
        nlen: int | None = None,
    ) -> "DeflateStream":
        """A stored block; `length` and `nlen` replace what `data` has."""
        length = len(data) if length is None else length
        self.head(STORED, final=final).align().put_bits(length, 16)
        self.put_bits(~length if nlen is None else nlen, 16)
        return self.put_bits(int.from_bytes(data, "little"), 8 * len(data))

    def fixed(self, body: Sequence[Field], *, final: bool = False) -> "DeflateStream":
        """A block with the fixed codes."""
        self.head(FIXED, final=final)
        return self.body(body, FIXED_LITLEN, FIXED_DIST)

    def dynamic(
        self,
        body: Sequence[Field],
        litlen: Sequence[int],
        dist: Sequence[int],
        *,
        final: bool = False,
        fields: Sequence[Pre] | None = None,
        precode: Sequence[int] = PLAIN_PRECODE,
        counts: tuple[int, int, int] | None = None,
    ) -> "DeflateStream":
        """A block with codes of its own, by the code lengths of each symbol.

        `fields` say the lengths to the reader (default: one by one). `counts` are
        the numbers of literal/length, distance and precode lengths, before their
        bias (257, 1, 4) is taken off (default: the numbers that there are).
        """
        if fields is None:
            fields = [Pre(length) for length in (*litlen, *dist)]
        used = [place for place, s in enumerate(PRECODE_ORDER) if precode[s]]
        nprecode = max(4, 1 + max(used, default=0))
        counts = counts or (len(litlen), len(dist), nprecode)
        self.head(DYNAMIC, final=final)
        for count, bias, nbits in zip(counts, (257, 1, 4), (5, 5, 4), strict=True):
            self.put_bits(count - bias, nbits)
        for symbol in PRECODE_ORDER[: counts[2]]:
            self.put_bits(precode[symbol], 3)
        codes = canonical_codes(precode)
        for field in fields:
            nbits = REPEAT_BITS.get(field.symbol, 0)
            self.put_code(codes[field.symbol])
            self.put_bits(field.extra, nbits if field.nbits is None else field.nbits)
        return self.body(body, litlen, dist)

    def body(
        self, body: Sequence[Field], litlen: Sequence[int], dist: Sequence[int]
    ) -> "DeflateStream":
        """The symbols of a block, in the canonical codes of these lengths."""
        litlen_codes, dist_codes = canonical_codes(litlen), canonical_codes(dist)
        for field in body:
            if isinstance(field, Bits):
                self.put_bits(field.value, field.nbits)
                continue
            codes = litlen_codes if isinstance(field, LitLen) else dist_codes
            self.put_code(codes[field.symbol])
            self.put_bits(field.extra, field.nbits)
        return self


def lengths_of(count: int, lengths: dict[int, int]) -> list[int]:
    """`count` code lengths, zero but for those given by symbol."""
    return [lengths.get(symbol, 0) for symbol in range(count)]
