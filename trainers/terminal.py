"""Durations and places of what a command prints; the rest is `idxdata.terminal`'s."""

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Such as "0.42 s", "12.3 s", "3 min 05 s", "2 h 07 min"."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def top(values: Sequence[float], count: int) -> list[int]:
    """Places of the largest values, largest first; of equal ones the first."""
    return sorted(range(len(values)), key=lambda place: -values[place])[:count]
