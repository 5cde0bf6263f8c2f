"""A plain inflater (RFC 1951) that tests compare with: slow, and to be checked by eye.

It shares no line and no table with the package. It refuses what zlib's inflate
refuses, in zlib's order and words, after the same number of bits.
"""

from dataclasses import dataclass

# RFC 1951 section 3.2.5, with its own line breaks.
# fmt: off
LENGTH_BASE = (3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
               35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258)
LENGTH_EXTRA = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
                3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0)
DISTANCE_BASE = (1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193,
                 257, 385, 513, 769, 1025, 1537, 2049, 3073,
                 4097, 6145, 8193, 12289, 16385, 24577)
DISTANCE_EXTRA = (0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6,
                  7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13)
LENGTH_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
# fmt: on


@dataclass(frozen=True)
class Outcome:
    """What an inflater made of some bytes.

    `output` is all that was decoded; `defect` zlib's name of what is wrong, if
    something is; `ended` whether the last block has. `offset` is, of a defect, the
    byte with the last bit it took to see it; of an ended stream, how many bytes it
    has; of one cut short, how many bytes there are.
    """

    output: bytes
    defect: str | None
    offset: int
    ended: bool


class _Stop(Exception):
    """Decoding ends early: a defect, or nothing more to read or wanted."""

    def __init__(self, defect: str | None) -> None:
        super().__init__(defect)
        self.defect = defect


class _Code:
    """A canonical Huffman code, read bit by bit (section 3.2.2)."""

    def __init__(self, lengths: list[int]) -> None:
        self.longest = max(lengths, default=0)
        self.symbols: dict[tuple[int, int], int] = {}
        code = 0
        for length in range(1, self.longest + 1):
            code *= 2
            for symbol, its_length in enumerate(lengths):
                if its_length == length:
                    self.symbols[length, code] = symbol
                    code += 1
        # How much of the code space the codes take, in units of the longest code.
        self.taken = sum(2 ** (self.longest - n) for n in lengths if n)
        self.complete = self.taken == 2**self.longest

    def is_sound_or_lone(self) -> bool:
        """Complete, or empty, or a lone code of one bit: zlib allows all three."""
        return (
            self.complete or self.longest == 0 or (self.longest, self.taken) == (1, 1)
        )


class _Reader:
    """Reads `data`, lowest bit of each byte first (section 3.1.1)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def bit(self) -> int:
        if self.position == 8 * len(self.data):
            raise _Stop(None)
        byte, place = divmod(self.position, 8)
        self.position += 1
        return self.data[byte] >> place & 1

    def number(self, nbits: int) -> int:
        return sum(self.bit() << place for place in range(nbits))

    def symbol(self, code: _Code) -> int | None:
        """The next symbol; None where the bits are no code, however many follow.

        Bits are no code only in an empty or lone code: then the first bit tells.
        """
        value = 0
        for length in range(1, max(code.longest, 1) + 1):
            value = 2 * value + self.bit()
            if (length, value) in code.symbols:
                return code.symbols[length, value]
        return None

    def whole_bytes(self) -> int:
        """How many bytes have been read from, the last perhaps only in part."""
        return (self.position + 7) // 8


def inflate(data: bytes, limit: int | None = None) -> Outcome:
    """What is in `data`, up to where it ends or is wrong.

    Once a block of codes has brought the output to `limit` bytes it gives up: the
    outcome then looks like that of a stream cut short after the bytes read.
    """
    reader, output = _Reader(data), bytearray()
    try:
        while not _read_block(reader, output, limit):
            pass
    except _Stop as stop:
        at = reader.whole_bytes()
        return Outcome(bytes(output), stop.defect, at - bool(stop.defect), False)
    return Outcome(bytes(output), None, reader.whole_bytes(), True)


def _read_block(reader: _Reader, output: bytearray, limit: int | None) -> bool:
    """One block (section 3.2.3); whether it is the last."""
    last = reader.bit()
    kind = reader.number(2)
    if kind == 0:
        _read_stored(reader, output)
    elif kind == 1:
        litlen = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8
        _read_symbols(reader, output, _Code(litlen), _Code([5] * 32), limit)
    elif kind == 2:
        _read_symbols(reader, output, *_read_codes(reader), limit)
    else:
        raise _Stop("invalid block type")
    return bool(last)


def _read_stored(reader: _Reader, output: bytearray) -> None:
    reader.position = 8 * reader.whole_bytes()
    length, complement = reader.number(16), reader.number(16)
    if length + complement != 0xFFFF:
        raise _Stop("invalid stored block lengths")
    start = reader.position // 8
    content = reader.data[start : start + length]
    output += content
    reader.position += 8 * len(content)
    if len(content) < length:
        raise _Stop(None)


def _read_codes(reader: _Reader) -> tuple[_Code, _Code]:
    """The head of a dynamic block (section 3.2.7)."""
    nlitlen = reader.number(5) + 257
    ndist = reader.number(5) + 1
    nprecode = reader.number(4) + 4
    if nlitlen > 286 or ndist > 30:
        raise _Stop("too many length or distance symbols")
    precode_lengths = [0] * 19
    for symbol in LENGTH_ORDER[:nprecode]:
        precode_lengths[symbol] = reader.number(3)
    precode = _Code(precode_lengths)
    if not precode.complete and precode.longest:
        raise _Stop("invalid code lengths set")
    lengths = _read_lengths(reader, precode, nlitlen + ndist)
    if lengths[256] == 0:
        raise _Stop("invalid code -- missing end-of-block")
    litlen, dist = _Code(lengths[:nlitlen]), _Code(lengths[nlitlen:])
    if not litlen.is_sound_or_lone():
        raise _Stop("invalid literal/lengths set")
    if not dist.is_sound_or_lone():
        raise _Stop("invalid distances set")
    return litlen, dist


def _read_lengths(reader: _Reader, precode: _Code, count: int) -> list[int]:
    lengths: list[int] = []
    while len(lengths) < count:
        # zlib reads each bit in an empty precode as the length 0.
        symbol = reader.symbol(precode) or 0
        if symbol < 16:
            lengths.append(symbol)
            continue
        if symbol == 16:
            times = 3 + reader.number(2)
            if not lengths:
                raise _Stop("invalid bit length repeat")
            repeated = lengths[-1]
        else:
            times = 3 + reader.number(3) if symbol == 17 else 11 + reader.number(7)
            repeated = 0
        if len(lengths) + times > count:
            raise _Stop("invalid bit length repeat")
        lengths += [repeated] * times
    return lengths


def _read_symbols(
    reader: _Reader, output: bytearray, litlen: _Code, dist: _Code, limit: int | None
) -> None:
    while (symbol := reader.symbol(litlen)) != 256:
        if limit is not None and len(output) >= limit:
            raise _Stop(None)
        if symbol is None or symbol > 285:
            raise _Stop("invalid literal/length code")
        if symbol < 256:
            output.append(symbol)
            continue
        length = LENGTH_BASE[symbol - 257] + reader.number(LENGTH_EXTRA[symbol - 257])
        symbol = reader.symbol(dist)
        if symbol is None or symbol > 29:
            raise _Stop("invalid distance code")
        distance = DISTANCE_BASE[symbol] + reader.number(DISTANCE_EXTRA[symbol])
        if distance > len(output):
            raise _Stop("invalid distance too far back")
        for _ in range(length):
            output.append(output[-distance])
