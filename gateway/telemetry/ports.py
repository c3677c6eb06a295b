"""What the log is written to."""

from collections.abc import Callable
from typing import Protocol


class LineStream(Protocol):
    """Takes lines; nothing that it does raises or blocks."""

    def write(self, text: str, /) -> object:
        """Have whole lines written."""

    def flush(self) -> None:
        """Write what is kept back."""


class LogStream(LineStream, Protocol):
    """A line stream that says what it lost, and that can be closed."""

    on_dropped: Callable[[int], object] | None  # hears of lines that were lost

    def close(self, timeout: float = ...) -> None:
        """Write what waits, within a time (s); no line is taken after it."""
