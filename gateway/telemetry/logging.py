"""Configures logging: one redacted line for each event, written by a thread."""

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
        stream: By default standard output. One without a descriptor is in memory, and
            is written to at once.
    """
    lines = _line_stream(stream if stream is not None else sys.stdout)
    if isinstance(lines, LogWriter):
        lines.on_recovered = _report_dropped
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
    root.handlers[:] = [_LibraryHandler()]
    # What libraries log at info is much, and some of it holds URLs.
    root.setLevel(logging.WARNING)
    return lines


def unblock_standard_streams() -> None:
    """Have a thread write all that the process prints, until the process ends.

    Warnings, tracebacks and what libraries print go to standard error, often the same
    pipe as the log: a pipe that is not read must not stop the event loop.
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
        return _MemoryStream(stream)


def _report_dropped(count: int) -> None:
    structlog.get_logger("gateway").warning("log_lines_dropped", count=count)


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


class _MemoryStream:
    """A stream without a descriptor; its failures cost lines, nothing else."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream, which is not closed here."""
        self._stream = stream
        self.on_dropped: Callable[[int], object] | None = None

    def write(self, text: str) -> None:
        """Write; a failure drops the text."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush; a failure is ignored."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def close(self, timeout: float = 0.0) -> None:
        """Do nothing: the stream is its owner's to close."""


class _LibraryHandler(logging.Handler):
    """Logs what libraries log as structlog events: one line, no traceback.

    A traceback holds callers' values; the type of the error does not.
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
        # A library may log at a level between the five that have names.
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger(record.name).log(level, text, **fields)


def http_logger() -> logging.Logger:
    """Return the logger for requests that the HTTP parser refuses: a line each."""
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
