"""Makes the ids of the simulated Dinie, the same under the same seed."""

import random


class Ids:
    """Ids in Dinie's form, from a seeded source."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids to be repeated

    def new(self, prefix: str) -> str:
        """Return a prefix and 32 hexadecimal digits."""
        return f"{prefix}_{self.text(32)}"

    def text(self, digits: int) -> str:
        """Return so many hexadecimal digits."""
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def chance(self) -> float:
        """Return a number from [0, 1)."""
        return self._random.random()
