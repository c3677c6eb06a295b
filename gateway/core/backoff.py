"""Computes waits before a retry: full jitter inside the cap. Pure.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog (full jitter).
"""

FLOOR = 0.05  # s; below this a wait is only a scheduling cost


def full_jitter(step: int, *, base: float, cap: float, random: float) -> float:
    """Return the wait before retry `step` (from 0), s.

    Args:
        step: How many waits came before.
        base: s; the ceiling of the first wait.
        cap: s; the ceiling of every wait.
        random: From [0, 1).
    """
    # 2**step overflows a float long before a caller gets there.
    ceiling = min(cap, base * 2.0 ** min(step, 60))
    return max(min(FLOOR, ceiling), random * ceiling)
