"""Computes the wait before an attempt: full jitter inside a cap. Pure.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog (full jitter).
"""

from typing import Final

ATTEMPT_MARGIN: Final = 0.3  # s; no attempt begins with less left before its deadline
FLOOR: Final = 0.05  # s; below this a wait is only a scheduling cost


def full_jitter(step: int, *, base: float, cap: float, random: float) -> float:
    """Return the wait before retry `step` (from 0), s.

    Args:
        step: Number of waits before this one.
        base: s; the ceiling of the first wait.
        cap: s; the ceiling of every wait that is computed here. A wait that the server
            names is not cut to it.
        random: From [0, 1).

    Returns:
        At least `FLOOR`, or the ceiling where that is less.
    """
    # 2**step overflows a float long before a caller gets there.
    ceiling = min(cap, base * 2.0 ** min(step, 60))
    return max(min(FLOOR, ceiling), random * ceiling)
