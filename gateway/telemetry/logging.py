"""How does a log line come about, without anything that must not be in it?"""

import logging
import sys
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import orjson
import structlog

from gateway.telemetry.options import TelemetryOptions
from gateway.telemetry.redact import redact_event

_PARSER_LOGGER: Final = "gateway.http"


def configure(options: TelemetryOptions, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging, once per process."""
    stream = stream if stream is not None else sys.stdout
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
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Sturdy(stream))),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    # Libraries talk a lot at info, and some of it holds URLs.
    root.setLevel(logging.WARNING)


def _dumps(event: dict[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


class _Sturdy:
    """A stream that loses lines on a full disk or a closed pipe, but no requests."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()


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
