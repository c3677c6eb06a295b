"""Renders log lines, without anything that must not be in them."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import orjson
import structlog

from gateway.telemetry.log_writer import LogWriter
from gateway.telemetry.options import TelemetryOptions
from gateway.telemetry.ports import LogStream
from gateway.telemetry.redact import redact_event

_PARSER_LOGGER: Final = "gateway.http"


def configure(options: TelemetryOptions, stream: TextIO | None = None) -> LogStream:
    """Set up structlog and the standard library's logging; return where lines go.

    Args:
        options: Form and level.
        stream: By default standard output. One without a descriptor is written to at
            once, since it is memory.
    """
    lines = _line_stream(stream if stream is not None else sys.stdout)
    if isinstance(lines, LogWriter):
        lines.on_recovered = _say_dropped
    level = getattr(logging, options.log_level.upper())
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if options.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lines)),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    # Libraries talk a lot at info, and some of it holds URLs.
    root.setLevel(logging.WARNING)
    return lines


def unblock_standard_streams() -> None:
    """Have all that the process prints written by a thread, for the rest of its life.

    Warnings, tracebacks and what libraries print go to standard error, often the same
    pipe as the log; whoever does not read it must not stop the event loop.
    """
    sys.stdout = cast("TextIO", _line_stream(sys.stdout))
    sys.stderr = cast("TextIO", _line_stream(sys.stderr))


def drain_standard_streams(timeout: float) -> None:
    """Wait until what was printed is written, for at most so many seconds each."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LogWriter):
            stream.drain(timeout)


def _line_stream(stream: TextIO) -> LogStream:
    if isinstance(stream, LogWriter):
        return stream
    try:
        return LogWriter(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return _Sturdy(stream)


def _say_dropped(count: int) -> None:
    structlog.get_logger("gateway").warning("log_lines_dropped", count=count)


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


class _Sturdy:
    """A stream in memory that may fail or be closed, at the price of lines only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.on_dropped: Callable[[int], object] | None = None

    def write(self, text: str) -> None:
        """Write, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def close(self, timeout: float = 0.0) -> None:
        """Leave the stream to its owner."""


class _Bridge(logging.Handler):
    """Sends what libraries log through our processors: one line, no traceback.

    A traceback holds values of callers; the type of the error and its place do not.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        error = record.exc_info[1] if record.exc_info else None
        fields: dict[str, Any] = {"logger": record.name}
        if error is not None:
            fields["error"] = type(error).__name__
        try:
            text = record.getMessage().splitlines()[0][:200]
        except (IndexError, TypeError, ValueError):
            text = "unreadable log record"
        # Only the five levels have names; a library may log between two of them.
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger(record.name).log(level, text, **fields)


def http_logger() -> logging.Logger:
    """Return the logger for faults found by the HTTP parser: a short line each."""
    logger = logging.getLogger(_PARSER_LOGGER)
    logger.propagate = False
    logger.handlers[:] = [_ParserFaults()]
    logger.setLevel(logging.WARNING)
    return logger


class _ParserFaults(logging.Handler):
    """Logs a request that the parser refused, without what was in it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one short line."""
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger(_PARSER_LOGGER).warning(
            "request_refused_by_parser",
            error=type(error).__name__ if error is not None else record.levelname,
        )
