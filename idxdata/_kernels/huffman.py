"""Decode tables of DEFLATE's three Huffman codes (RFC 1951 section 3.2.2).

A table is looked up with the next `root` bits of the stream. Its entries are
uint32, packed so that one load says everything about a symbol:

    bits 0-5    how many bits the symbol takes, code and extra bits
    bits 8-11   how many of them are the code's; in a LINK, the subtable's index bits
    bits 16-30  a literal, a base length or distance, a code length, a subtable's place
    bit 31, 13-15  LITERAL, LINK, END, INVALID; none of them: a length or distance

Codes longer than `root` bits go by a LINK in the root table to a subtable behind
it; the LINK's bits 0-5 are then `root`. The layout follows libdeflate's.

All state is in one uint32 array, `tables`, whose sections are named here.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel_part

Tables = NDArray[np.uint32]

MAX_CODE_BITS = 15
NUM_LITLEN_SYMBOLS, NUM_DISTANCE_SYMBOLS, NUM_PRECODE_SYMBOLS = 288, 32, 19
END_OF_BLOCK = 256

# RFC 1951 section 3.2.5: extra bits and least value of each length and distance.
LENGTH_EXTRA = (0,) * 8 + tuple(i // 4 for i in range(4, 24)) + (0,)
LENGTH_BASE = (
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
    35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
)  # fmt: skip
DISTANCE_EXTRA = (0,) * 4 + tuple(i // 2 for i in range(2, 28))
DISTANCE_BASE = (
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769,
    1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
)  # fmt: skip

LITERAL, LINK, END, INVALID = (np.uint32(1 << bit) for bit in (31, 15, 14, 13))


def _symbols(symbols: list[int]) -> Tables:
    """Entries without a code length: 32 distances, 288 literals and lengths, 19 others."""
    return np.array(symbols, np.uint32)


_INVALID = int(INVALID)
DISTANCE_SYMBOLS = _symbols(
    [base << 16 | extra for base, extra in zip(DISTANCE_BASE, DISTANCE_EXTRA)]
    + [_INVALID] * 2
)
LITLEN_SYMBOLS = _symbols(
    [int(LITERAL) | literal << 16 for literal in range(256)]
    + [int(END)]
    + [base << 16 | extra for base, extra in zip(LENGTH_BASE, LENGTH_EXTRA)]
    + [_INVALID] * 2
)
PRECODE_SYMBOLS = _symbols([symbol << 16 for symbol in range(NUM_PRECODE_SYMBOLS)])
"""Entries without their code's length: adding `bits | bits << 8` completes them."""

# Root bits, and the entries a table of so many symbols can need with them: the
# figures of zlib's examples/enough.c for `enough 288 11 15` and `enough 32 8 15`.
LITLEN_ROOT, DISTANCE_ROOT, PRECODE_ROOT = 11, 8, 7
_LITLEN_ENTRIES, _DISTANCE_ENTRIES = 2342, 402

# The sections of `tables`. The precode is done with before distances are built.
LITLEN = np.uint64(0)
DISTANCE = np.uint64(_LITLEN_ENTRIES)
LENGTHS = np.uint64(_LITLEN_ENTRIES + _DISTANCE_ENTRIES)
_SORTED = LENGTHS + np.uint64(NUM_LITLEN_SYMBOLS + NUM_DISTANCE_SYMBOLS)
_COUNTS = _SORTED + np.uint64(NUM_LITLEN_SYMBOLS)
_PLACES = _COUNTS + np.uint64(MAX_CODE_BITS + 1)
TABLES_SIZE = int(_PLACES) + MAX_CODE_BITS + 2

U0, U1, U8 = np.uint64(0), np.uint64(1), np.uint64(8)
_SYMBOL_SHIFT = np.uint64(16)


@kernel_part
def _measure_code(
    tables: Tables, first: np.uint64, size: np.uint64
) -> tuple[np.uint64, np.int64]:
    """The greatest code length, and how many codes of 15 bits are left over.

    Those are negative if lengths are over-subscribed. Counts each length.
    """
    for length in range(MAX_CODE_BITS + 1):
        tables[_COUNTS + np.uint64(length)] = np.uint32(0)
    for symbol in range(size):
        bits = np.uint64(tables[first + np.uint64(symbol)])
        tables[_COUNTS + bits] += np.uint32(1)
    greatest, left = U0, np.int64(1)
    for length in range(1, MAX_CODE_BITS + 1):
        count = np.int64(tables[_COUNTS + np.uint64(length)])
        left = 2 * left - count
        if count:
            greatest = np.uint64(length)
        if left < 0:
            break
    return greatest, left


@kernel_part
def _sort_symbols(tables: Tables, first: np.uint64, size: np.uint64) -> None:
    """Symbols with a code, by length and then by number: the order of their codes."""
    place = np.uint32(0)
    for length in range(1, MAX_CODE_BITS + 1):
        tables[_PLACES + np.uint64(length)] = place
        place += tables[_COUNTS + np.uint64(length)]
    for symbol in range(size):
        bits = np.uint64(tables[first + np.uint64(symbol)])
        if bits:
            place = tables[_PLACES + bits]
            tables[_SORTED + np.uint64(place)] = np.uint32(symbol)
            tables[_PLACES + bits] = place + np.uint32(1)


@kernel_part
def _subtable_bits(
    tables: Tables, bits: np.uint64, root: np.uint64, done: np.uint64
) -> np.uint64:
    """Index bits of the subtable whose first code has `bits` bits.

    `done` codes of that length lie before it. Codes are complete here, so that
    the subtable is filled by the next ones in order.
    """
    index_bits = bits - root
    used = np.uint64(tables[_COUNTS + bits]) - done
    while used < U1 << index_bits:
        index_bits += U1
        used = (used << U1) + np.uint64(tables[_COUNTS + root + index_bits])
    return index_bits


@kernel_part
def build_table(
    tables: Tables,
    table: np.uint64,
    root: np.uint64,
    symbols: Tables,
    first: np.uint64,
    size: np.uint64,
) -> np.int64:
    """Build the table at `table` from the `size` code lengths at `first`.

    Returns its root bits, at most `root`: no more than the longest code has. 0 if
    the code is over-subscribed, or incomplete in more than a lone 1-bit code.
    Without any code, and for the missing half of a lone one, entries are INVALID
    and take 1 bit, as in zlib.
    """
    greatest, codes_left = _measure_code(tables, first, size)
    if codes_left < 0 or (codes_left > 0 and greatest > U1):
        return np.int64(0)
    if greatest < root:
        root = max(greatest, U1)
    if codes_left:
        for i in range(2):
            tables[table + np.uint64(i)] = INVALID + np.uint32(1)
    _sort_symbols(tables, first, size)
    _fill(tables, table, root, symbols, first)
    return np.int64(root)


@kernel_part
def _fill(
    tables: Tables,
    table: np.uint64,
    root: np.uint64,
    symbols: Tables,
    first: np.uint64,
) -> None:
    """Enter every code. `code` is kept bit-reversed, as the stream is read."""
    code, rank = U0, U0
    subtable, index_bits, prefix = table + (U1 << root), U0, ~U0
    for length in range(1, MAX_CODE_BITS + 1):
        bits = np.uint64(length)
        for done in range(np.uint64(tables[_COUNTS + bits])):
            symbol = np.uint64(tables[_SORTED + rank])
            rank += U1
            begin, low, size = table, U0, root
            if bits > root:
                low = root
                if code & ((U1 << root) - U1) != prefix:
                    prefix = code & ((U1 << root) - U1)
                    subtable += U1 << index_bits if index_bits else U0
                    index_bits = _subtable_bits(tables, bits, root, np.uint64(done))
                    link = np.uint64(LINK) | (subtable - table) << _SYMBOL_SHIFT
                    tables[table + prefix] = np.uint32(link | index_bits << U8 | root)
                begin, size = subtable, index_bits
            entry = np.uint64(symbols[symbol]) + bits + (bits << U8)
            for place in range(code >> low, U1 << size, U1 << (bits - low)):
                tables[begin + np.uint64(place)] = np.uint32(entry)
            bit = U1 << (bits - U1)
            while code & bit:
                bit >>= U1
            code = (code & (bit - U1)) | bit if bit else U0
