"""Numbers and names as text that a sentence can take."""

from collections.abc import Iterable, Sequence


def format_factor(value: float) -> str:
    """Two decimals, or as many as it takes to show on which side of 1 it lies."""
    if abs(value - 1) >= 0.02:
        return f"{value:.2f}"
    told = (f"{value:.{digits}f}" for digits in (3, 4, 5))
    return next((text for text in told if float(text) != 1), "1.000")


def series(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def count(number: int, noun: str) -> str:
    """`1 round`, `2 rounds`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def seconds(value: float) -> str:
    """Three digits with the unit that suits: `1.23 s`, `45.6 ms`, `789 µs`."""
    size = abs(value)
    if size >= 1 or size == 0:
        return f"{short(value)} s"
    if size >= 1e-3:
        return f"{short(1e3 * value)} ms"
    return f"{short(1e6 * value)} µs"


def short(value: float) -> str:
    """Three digits that say something."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def megabytes(value: float) -> str:
    """Of bytes: `512 MB`."""
    return f"{value / 1e6:,.0f} MB"


def percent(share: float, digits: int = 2) -> str:
    """Of a share, without the sign."""
    return f"{100 * share:.{digits}f}"


def rounds(numbers: Sequence[int]) -> str:
    """Counted from 1, as people do: `round 3`, `rounds 1, 2 and 5`, `rounds 1 to 8`."""
    told = [number + 1 for number in sorted(numbers)]
    if len(told) == 1:
        return f"round {told[0]}"
    if len(told) > 2 and told[-1] - told[0] == len(told) - 1:
        return f"rounds {told[0]} to {told[-1]}"
    return f"rounds {series(map(str, told))}"
