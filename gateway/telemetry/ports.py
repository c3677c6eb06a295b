"""The streams that log lines are written to."""

from collections.abc import Callable
from typing import Protocol


class LineStream(Protocol):
    """Takes lines; no method raises or blocks."""

    def write(self, text: str, /) -> object:
        """Write or queue whole lines."""

    def flush(self) -> None:
        """Write what is buffered."""


class LogStream(LineStream, Protocol):
    """A line stream that reports the lines it dropped, and that can be closed."""

    on_dropped: (
        Callable[[int], object] | None
    )  # called with the number of dropped lines

    def close(self, timeout: float = ...) -> None:
        """Write what waits, within a time (s); no line is taken after it."""
