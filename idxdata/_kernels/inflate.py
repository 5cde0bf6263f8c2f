"""Raw DEFLATE (RFC 1951) to bytes, in pieces of any size.

What stays between calls is in `state` (uint64, fields named below), `tables`
(see huffman.py) and `window`, the last 32 KiB of earlier output, right-aligned.
Never reads outside `source`, `window` and what it has written of `out`, nor writes
outside `out`, whatever the data; writes past what it produced only inside `out`.

Why it is fast, after libdeflate: 64 bits are buffered and refilled without a
branch; a symbol with its extra bits is one table load; far from both ends no bound
is checked within a symbol; copies are 16 bytes wide and may overshoot.

The bit buffer: the next BITS bits of the stream are the low ones of BITBUF. What
lies above them is zero or true stream bits, so OR-ing the same bytes again is
harmless.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.huffman import (
    DISTANCE,
    DISTANCE_ROOT,
    DISTANCE_SYMBOLS,
    END,
    END_OF_BLOCK,
    INVALID,
    LENGTHS,
    LINK,
    LITERAL,
    LITLEN,
    LITLEN_ROOT,
    LITLEN_SYMBOLS,
    NUM_DISTANCE_SYMBOLS,
    NUM_LITLEN_SYMBOLS,
    NUM_PRECODE_SYMBOLS,
    PRECODE_ROOT,
    PRECODE_SYMBOLS,
    Tables,
    build_table,
)
from idxdata._kernels.jit import kernel, kernel_part
from idxdata._kernels.words import copy8, copy16, fill16, load64

State = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

# Fields of `state`. LENGTH and DISTANCE are a match of which LENGTH is still to copy.
(
    BITBUF, BITS, IN, OUT, LAST_SOURCE, MODE, IS_FINAL, STORED_LEFT,
    LENGTH, DISTANCE_BACK, HISTORY, NUM_LITLEN, NUM_DISTANCE, LITLEN_BITS,
    DISTANCE_BITS, HAS_FIXED_TABLES, STATE_SIZE,
) = range(17)  # fmt: skip

# MODE: what comes next in the source. Before LENGTHS_BY_PRECODE and TABLES, which
# only say how far a header has been read, nothing returns for more. CUT_SHORT: the
# source has ended within a header.
HEADER, STORED, LENGTHS_BY_PRECODE, TABLES, CODES, CUT_SHORT = map(np.uint64, range(6))

# Statuses; the negative ones are defects, in the order of `idxdata.inflate.DEFECTS`.
OK, MORE, DONE = np.int64(0), np.int64(1), np.int64(2)
BLOCK_TYPE, STORED_LENGTHS, TOO_MANY_SYMBOLS, PRECODE_SET = map(
    np.int64, range(-1, -5, -1)
)
REPEAT, NO_END_OF_BLOCK, LITLEN_SET, DISTANCE_SET = map(np.int64, range(-5, -9, -1))
LITLEN_CODE, DISTANCE_CODE, TOO_FAR_BACK = map(np.int64, range(-9, -12, -1))

WINDOW_NBYTES = 1 << 15
MAX_HEADER_NBYTES = 320
"""A dynamic header: 17 bits, 19 lengths of 3, then at most 316 codes of 7 bits, or
fewer with up to 7 extra ones that give at least 3 lengths each."""
MAX_SYMBOL_BITS = 48
"""A length with its extra bits, 15 + 5, and a distance with its, 15 + 13."""

# What the fast loop needs: two refills of 8 bytes; three literals, a match of 258
# bytes, and as many more as its widest copy overshoots.
_FAST_SOURCE, _FAST_OUT = np.uint64(16), np.uint64(3 + 258 + 32)

_PRECODE_ORDER = np.array(
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15], np.uint64
)
_FIXED_LENGTHS = np.array(
    [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8 + [5] * 32, np.uint32
)

U0, U1, U2, U3, U4, U5, U7, U8 = map(np.uint64, (0, 1, 2, 3, 4, 5, 7, 8))
U11, U14, U16, U32, U56, U63 = map(np.uint64, (11, 14, 16, 32, 56, 63))
_BITS_MASK, _CODE_MASK = np.uint64(63), np.uint64(15)
_LITERAL, _LINK, _END, _INVALID = map(np.uint64, (LITERAL, LINK, END, INVALID))
_MAX_SYMBOL_BITS = np.uint64(MAX_SYMBOL_BITS)
_MAX_HEADER_NBYTES = np.uint64(MAX_HEADER_NBYTES)
_NUM_FIXED_LITLEN = np.uint64(NUM_LITLEN_SYMBOLS)
_NUM_FIXED_DISTANCE = np.uint64(NUM_DISTANCE_SYMBOLS)
_NUM_PRECODE = np.uint64(NUM_PRECODE_SYMBOLS)
_MAX_LITLEN, _MAX_DISTANCE, _FIRST_LENGTHS = map(np.uint64, (286, 30, 257))
_LITLEN_ROOT, _DISTANCE_ROOT = np.uint64(LITLEN_ROOT), np.uint64(DISTANCE_ROOT)
_PRECODE_ROOT, _END_OF_BLOCK = np.uint64(PRECODE_ROOT), np.uint64(END_OF_BLOCK)


@kernel_part
def _fill_bits(state: State, source: Bytes, num_bits: np.uint64) -> bool:
    """Buffer at least `num_bits` (at most 56); False where the source ends before."""
    while state[BITS] < num_bits:
        if state[IN] == np.uint64(source.size):
            return False
        state[BITBUF] |= np.uint64(source[state[IN]]) << state[BITS]
        state[BITS] += U8
        state[IN] += U1
    return True


@kernel_part
def _take_bits(state: State, num_bits: np.uint64) -> np.uint64:
    """The next `num_bits` buffered bits as a number."""
    value: np.uint64 = state[BITBUF] & ((U1 << num_bits) - U1)
    state[BITBUF] >>= num_bits
    state[BITS] -= num_bits
    return value


@kernel_part
def _start_block(state: State, tables: Tables, source: Bytes) -> np.int64:
    """Read the header of a block (section 3.2.3) up to the codes of its lengths.

    OK, MORE where the source ends, or a defect. MODE tells what comes next.
    """
    if not _fill_bits(state, source, U3):
        return MORE
    state[IS_FINAL] = _take_bits(state, U1)
    block_type = _take_bits(state, U2)
    if block_type == U0:
        return _start_stored(state, source)
    if block_type == U2:
        return _start_dynamic(state, tables, source)
    if block_type != U1:
        return BLOCK_TYPE
    if state[HAS_FIXED_TABLES]:
        state[MODE] = CODES
        return OK
    state[HAS_FIXED_TABLES] = U1
    for i in range(_FIXED_LENGTHS.size):
        tables[LENGTHS + np.uint64(i)] = _FIXED_LENGTHS[i]
    state[NUM_LITLEN], state[NUM_DISTANCE] = _NUM_FIXED_LITLEN, _NUM_FIXED_DISTANCE
    state[MODE] = TABLES
    return OK


@kernel_part
def _start_stored(state: State, source: Bytes) -> np.int64:
    """LEN and NLEN, from a byte border on (section 3.2.4)."""
    _take_bits(state, state[BITS] & U7)
    if not _fill_bits(state, source, U32):
        return MORE
    length = _take_bits(state, U16)
    if length + _take_bits(state, U16) != np.uint64(0xFFFF):
        return STORED_LENGTHS
    state[STORED_LEFT] = length
    _give_back_bytes(state)
    state[MODE] = STORED
    return OK


@kernel_part
def _start_dynamic(state: State, tables: Tables, source: Bytes) -> np.int64:
    """The counts, and the lengths of the precode (section 3.2.7)."""
    if not _fill_bits(state, source, U14):
        return MORE
    state[NUM_LITLEN] = _take_bits(state, U5) + _FIRST_LENGTHS
    state[NUM_DISTANCE] = _take_bits(state, U5) + U1
    num_precode = _take_bits(state, U4) + U4
    if state[NUM_LITLEN] > _MAX_LITLEN or state[NUM_DISTANCE] > _MAX_DISTANCE:
        return TOO_MANY_SYMBOLS
    state[HAS_FIXED_TABLES] = U0
    for i in range(NUM_PRECODE_SYMBOLS):
        bits = U0
        if np.uint64(i) < num_precode:
            if not _fill_bits(state, source, U3):
                return MORE
            bits = _take_bits(state, U3)
        tables[LENGTHS + _PRECODE_ORDER[i]] = np.uint32(bits)
    state[MODE] = LENGTHS_BY_PRECODE
    return OK


@kernel_part
def _give_back_bytes(state: State) -> None:
    """Leave less than 8 bits buffered: whole bytes are the source's again."""
    state[IN] -= state[BITS] >> U3
    state[BITS] &= U7
    state[BITBUF] &= (U1 << state[BITS]) - U1


@kernel_part
def _read_lengths(
    state: State, tables: Tables, source: Bytes, root: np.uint64
) -> np.int64:
    """Code lengths by the precode: 0 to 15 as such, 16 to 18 are repeats."""
    filled, size = U0, state[NUM_LITLEN] + state[NUM_DISTANCE]
    while filled < size:
        _fill_bits(state, source, U14)
        entry = np.uint64(tables[DISTANCE + (state[BITBUF] & ((U1 << root) - U1))])
        bits, symbol = entry & _BITS_MASK, entry >> U16
        value, times, extra = symbol, U1, U0
        if symbol == U16:
            times, extra = U3, U2
        elif symbol > U16:
            value = U0
            times, extra = (U3, U3) if symbol == np.uint64(17) else (U11, U7)
        if bits + extra > state[BITS]:
            return MORE
        _take_bits(state, bits)
        times += _take_bits(state, extra)
        if symbol == U16:
            if filled == U0:
                return REPEAT
            value = np.uint64(tables[LENGTHS + filled - U1])
        if filled + times > size:
            return REPEAT
        for _ in range(times):
            tables[LENGTHS + filled] = np.uint32(value)
            filled += U1
    if tables[LENGTHS + _END_OF_BLOCK] == 0:
        return NO_END_OF_BLOCK
    state[MODE] = TABLES
    return OK


@kernel_part
def _build_tables(state: State, tables: Tables) -> np.int64:
    """Both tables of a block from its code lengths; CODES come next."""
    size = state[NUM_LITLEN]
    root = build_table(tables, LITLEN, _LITLEN_ROOT, LITLEN_SYMBOLS, LENGTHS, size)
    if root == 0:
        return LITLEN_SET
    state[LITLEN_BITS] = np.uint64(root)
    first, size = LENGTHS + size, state[NUM_DISTANCE]
    root = build_table(tables, DISTANCE, _DISTANCE_ROOT, DISTANCE_SYMBOLS, first, size)
    if root == 0:
        return DISTANCE_SET
    state[DISTANCE_BITS] = np.uint64(root)
    state[MODE] = CODES
    return OK


@kernel_part
def _copy_stored(state: State, source: Bytes, out: Bytes) -> None:
    """As much of a stored block as there is, and room for."""
    start, to = state[IN], state[OUT]
    size = min(
        state[STORED_LEFT], np.uint64(source.size) - start, np.uint64(out.size) - to
    )
    for i in range(size):
        out[to + np.uint64(i)] = source[start + np.uint64(i)]
    state[IN] += size
    state[OUT] += size
    state[STORED_LEFT] -= size


@kernel_part
def _copy_match(state: State, window: Bytes, out: Bytes) -> None:
    """As much of the pending match as there is room for, byte by byte."""
    distance, to = state[DISTANCE_BACK], state[OUT]
    size = min(state[LENGTH], np.uint64(out.size) - to)
    for _ in range(size):
        if distance > to:
            out[to] = window[np.uint64(window.size) + to - distance]
        else:
            out[to] = out[to - distance]
        to += U1
    state[OUT] = to
    state[LENGTH] -= size


@kernel_part
def _lookup(
    tables: Tables, table: np.uint64, root: np.uint64, bitbuf: np.uint64
) -> np.uint64:
    """The entry of the symbol that `bitbuf` begins with, through a LINK if need be."""
    entry = np.uint64(tables[table + (bitbuf & ((U1 << root) - U1))])
    if entry & _LINK:
        index = (bitbuf >> root) & ((U1 << (entry >> U8 & _CODE_MASK)) - U1)
        entry = np.uint64(tables[table + (entry >> U16) + index])
    return entry


@kernel_part
def _value(entry: np.uint64, bitbuf: np.uint64) -> np.uint64:
    """A length or distance: the base plus the extra bits, which follow the code."""
    extra = bitbuf & ((U1 << (entry & _BITS_MASK)) - U1)
    return (entry >> U16) + (extra >> (entry >> U8 & _CODE_MASK))


@kernel_part
def _decode_symbol(state: State, tables: Tables, source: Bytes, out: Bytes) -> np.int64:
    """One literal, match or end of block, every bound checked; there is room for a byte.

    A match is left pending. MORE, with nothing consumed, where the source ends.
    """
    has_all = _fill_bits(state, source, _MAX_SYMBOL_BITS)
    if not has_all and not state[LAST_SOURCE]:
        return MORE
    bitbuf = state[BITBUF]
    entry = _lookup(tables, LITLEN, state[LITLEN_BITS], bitbuf)
    bits = entry & _BITS_MASK
    if bits > state[BITS]:
        return MORE
    if entry & _LITERAL:
        out[state[OUT]] = np.uint8(entry >> U16 & np.uint64(0xFF))
        state[OUT] += U1
    elif entry & _INVALID:
        _take_bits(state, bits)
        return LITLEN_CODE
    elif entry & _END:
        state[MODE] = HEADER
    else:
        length = _value(entry, bitbuf)
        entry = _lookup(tables, DISTANCE, state[DISTANCE_BITS], bitbuf >> bits)
        distance = _value(entry, bitbuf >> bits)
        bits += entry & _BITS_MASK
        if bits > state[BITS]:
            return MORE
        is_too_far = distance > state[OUT] + state[HISTORY]
        if entry & _INVALID or is_too_far:
            _take_bits(state, bits)
            return DISTANCE_CODE if entry & _INVALID else TOO_FAR_BACK
        state[LENGTH], state[DISTANCE_BACK] = length, distance
    _take_bits(state, bits)
    return OK


@kernel_part
def _refill(
    source: Bytes, bitbuf: np.uint64, bits: np.uint64, position: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Buffer at least 56 bits, without a branch; 8 bytes lie at `position`."""
    bitbuf |= load64(source, position) << bits
    return bitbuf, bits | U56, position + ((U63 - bits) >> U3)


@kernel_part
def _copy_far_from_end(
    out: Bytes, to: np.uint64, distance: np.uint64, end: np.uint64
) -> None:
    """out[to:end] = a match; up to 31 bytes behind `end` may be overwritten too."""
    if distance >= U16:
        # Two at once: one would do for half of the matches, at random, and a
        # branch that cannot be predicted costs more than the copy.
        copy16(out, to, to - distance)
        copy16(out, to + U16, to + U16 - distance)
        to += U32
        while to < end:
            copy16(out, to, to - distance)
            to += U16
    elif distance == U1:
        value = out[to - U1]
        fill16(out, to, value)
        fill16(out, to + U16, value)
        to += U32
        while to < end:
            fill16(out, to, value)
            to += U16
    else:
        # Each word repeats `distance` bytes of the pattern; the next goes on there.
        step = min(distance, U8)
        while to < end:
            copy8(out, to, to - distance)
            to += step


@kernel_part
def _decode_fast(state: State, tables: Tables, source: Bytes, out: Bytes) -> None:
    """Literals and matches far from both ends; stops before anything else.

    Local copies of the state stay in registers. What it does not do itself (ends
    of blocks, defects, matches that reach into the window) it leaves undone.
    """
    source_end = np.uint64(source.size) - _FAST_SOURCE
    out_end = np.uint64(out.size) - _FAST_OUT
    bitbuf, bits, position, to = state[BITBUF], state[BITS], state[IN], state[OUT]
    litlen_mask = (U1 << state[LITLEN_BITS]) - U1
    distance_mask = (U1 << state[DISTANCE_BITS]) - U1
    litlen_root, distance_root = state[LITLEN_BITS], state[DISTANCE_BITS]
    bitbuf, bits, position = _refill(source, bitbuf, bits, position)
    entry = np.uint64(tables[LITLEN + (bitbuf & litlen_mask)])
    while position <= source_end and to <= out_end:
        if entry & _LITERAL:
            bitbuf >>= entry & _BITS_MASK
            bits -= entry & _BITS_MASK
            out[to] = np.uint8(entry >> U16)
            to += U1
            entry = np.uint64(tables[LITLEN + (bitbuf & litlen_mask)])
            if entry & _LITERAL:
                bitbuf >>= entry & _BITS_MASK
                bits -= entry & _BITS_MASK
                out[to] = np.uint8(entry >> U16)
                to += U1
                entry = np.uint64(tables[LITLEN + (bitbuf & litlen_mask)])
                if entry & _LITERAL:
                    bitbuf >>= entry & _BITS_MASK
                    bits -= entry & _BITS_MASK
                    out[to] = np.uint8(entry >> U16)
                    to += U1
                    entry = np.uint64(tables[LITLEN + (bitbuf & litlen_mask)])
                    if entry & _LITERAL:
                        bitbuf, bits, position = _refill(source, bitbuf, bits, position)
                        continue
        if entry & _LINK:
            index = (bitbuf >> litlen_root) & ((U1 << (entry >> U8 & _CODE_MASK)) - U1)
            entry = np.uint64(tables[LITLEN + (entry >> U16) + index])
            if entry & _LITERAL:
                bitbuf >>= entry & _BITS_MASK
                bits -= entry & _BITS_MASK
                out[to] = np.uint8(entry >> U16)
                to += U1
                bitbuf, bits, position = _refill(source, bitbuf, bits, position)
                entry = np.uint64(tables[LITLEN + (bitbuf & litlen_mask)])
                continue
        if entry & (_END | _INVALID):
            break
        start_bitbuf, start_bits, start_position = bitbuf, bits, position
        length = _value(entry, bitbuf)
        bitbuf >>= entry & _BITS_MASK
        bits -= entry & _BITS_MASK
        if bits < np.uint64(28):
            bitbuf, bits, position = _refill(source, bitbuf, bits, position)
        entry = np.uint64(tables[DISTANCE + (bitbuf & distance_mask)])
        if entry & _LINK:
            index = (bitbuf >> distance_root) & (
                (U1 << (entry >> U8 & _CODE_MASK)) - U1
            )
            entry = np.uint64(tables[DISTANCE + (entry >> U16) + index])
        distance = _value(entry, bitbuf)
        if entry & _INVALID or distance > to:
            bitbuf, bits, position = start_bitbuf, start_bits, start_position
            break
        bitbuf >>= entry & _BITS_MASK
        bits -= entry & _BITS_MASK
        bitbuf, bits, position = _refill(source, bitbuf, bits, position)
        entry = np.uint64(tables[LITLEN + (bitbuf & litlen_mask)])
        end = to + length
        _copy_far_from_end(out, to, distance, end)
        to = end
    state[BITBUF], state[BITS], state[IN], state[OUT] = bitbuf, bits, position, to


@kernel
def inflate(
    state: State, tables: Tables, window: Bytes, source: Bytes, out: Bytes
) -> np.int64:
    """Decode from `source` into `out`, from state[IN] and state[OUT] on.

    `out` before state[OUT] is earlier output; the last state[HISTORY] bytes of
    `window` came before it. DONE at the end of the stream; MORE where `out` is
    full or `source` used up but for what must be seen together; otherwise the
    defect. state[IN] counts the bytes used; their last one holds the last bit it
    took to see a defect. state[OUT] is where the output ends.
    """
    status = OK
    while status == OK:
        if state[MODE] == CODES:
            if state[LENGTH]:
                _copy_match(state, window, out)
            if state[OUT] == np.uint64(out.size):
                status = MORE
                continue
            if (
                np.uint64(source.size) >= state[IN] + _FAST_SOURCE
                and np.uint64(out.size) >= state[OUT] + _FAST_OUT
            ):
                _decode_fast(state, tables, source, out)
            status = _decode_symbol(state, tables, source, out)
        elif state[MODE] == STORED:
            _copy_stored(state, source, out)
            if state[STORED_LEFT]:
                status = MORE
            else:
                state[MODE] = HEADER
        elif state[MODE] == HEADER:
            at_hand = np.uint64(source.size) - state[IN] + (state[BITS] >> U3)
            if state[IS_FINAL]:
                status = DONE
            elif at_hand < _MAX_HEADER_NBYTES and not state[LAST_SOURCE]:
                status = MORE
            else:
                status = _start_block(state, tables, source)
                if status == MORE:
                    state[MODE] = CUT_SHORT
        elif state[MODE] == LENGTHS_BY_PRECODE:
            # The precode's table lies where the distances' will be.
            root = build_table(
                tables, DISTANCE, _PRECODE_ROOT, PRECODE_SYMBOLS, LENGTHS, _NUM_PRECODE
            )
            is_lone = not tables[DISTANCE] & INVALID and tables[DISTANCE + U1] & INVALID
            if root == 0 or is_lone:
                status = PRECODE_SET
            else:
                status = _read_lengths(state, tables, source, np.uint64(root))
                if status == MORE:
                    state[MODE] = CUT_SHORT
        elif state[MODE] == TABLES:
            status = _build_tables(state, tables)
        else:
            status = MORE
    _give_back_bytes(state)
    return status
