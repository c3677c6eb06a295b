"""Logging: one line for each event, without tracebacks or what callers sent."""

import io
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.telemetry.log_writer import LogWriter
from gateway.telemetry.logging import configure, http_logger
from gateway.telemetry.options import TelemetryOptions


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    configure(TelemetryOptions(**options), stream)
    return stream


def boom() -> None:
    raise ValueError("secret of ana@example.com")


def test_an_event_is_one_json_line() -> None:
    """Log collectors read lines."""
    stream = configured()

    structlog.get_logger("gateway").info("token_minted", took=0.5, text="a\nb")

    [line] = lines(stream)
    moment = line.pop("timestamp")
    assert line == {
        "event": "token_minted",
        "level": "info",
        "took": 0.5,
        "text": "a\nb",
    }
    assert moment.endswith("Z")


def test_a_line_is_redacted() -> None:
    """Whoever logs by mistake does no harm."""
    stream = configured()

    structlog.get_logger("gateway").info("created", cpf="1", who="ana@example.com")

    [line] = lines(stream)
    assert (line["cpf"], line["who"]) == ("[redacted]", "[redacted]")


def test_below_the_level_nothing_is_written() -> None:
    """Quiet means quiet."""
    stream = configured(log_level="error")

    structlog.get_logger("gateway").warning("noise")
    logging.getLogger("library").warning("noise")

    assert stream.getvalue() == ""


def test_the_console_format_is_for_people() -> None:
    """A terminal shows no JSON, and is redacted just the same."""
    stream = configured(log_format="console")

    structlog.get_logger("gateway").info("created", who="ana@example.com")

    [line] = stream.getvalue().splitlines()
    assert "created" in line
    assert "[redacted]" in line
    assert not line.startswith("{")


def test_a_library_s_record_has_no_traceback() -> None:
    """A traceback shows values of callers; the error's type does not."""
    stream = configured()

    try:
        boom()
    except ValueError:
        logging.getLogger("library").exception("it failed\nfor ana@example.com")

    [line] = lines(stream)
    assert line["event"] == "it failed"
    assert (line["logger"], line["error"]) == ("library", "ValueError")
    assert "ana@" not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        pytest.param("%d apples", ("no number",), id="wrong-type"),
        pytest.param("%s and %s", ("one",), id="too-few"),
        pytest.param("", (), id="empty"),
    ],
)
def test_a_library_s_broken_record_is_no_fault_of_ours(
    message: str, arguments: tuple[object, ...]
) -> None:
    """Logging never takes a request down."""
    stream = configured()

    logging.getLogger("library").warning(message, *arguments)

    [line] = lines(stream)
    assert line["event"] == "unreadable log record"


def test_libraries_are_heard_from_warning_on() -> None:
    """At info they print URLs."""
    stream = configured(log_level="debug")

    logging.getLogger("library").info("GET https://example.com/cpf")

    assert stream.getvalue() == ""


def test_what_the_parser_refuses_is_one_short_line() -> None:
    """A scanner's bytes are not repeated in the log."""
    stream = configured()
    logger = http_logger()

    try:
        boom()
    except ValueError:
        logger.exception("Error handling request from %s", "evil\r\nbytes")
    logger.warning("evil bytes")

    shown = [(line["event"], line["error"]) for line in lines(stream)]
    assert shown == [
        ("request_refused_by_parser", "ValueError"),
        ("request_refused_by_parser", "WARNING"),
    ]
    assert "evil" not in stream.getvalue()


@pytest.mark.parametrize(
    ("level", "shown"), [(35, "warning"), (45, "error"), (90, "critical")]
)
def test_a_level_between_two_is_the_lower_one(level: int, shown: str) -> None:
    """A library that invents levels takes no request down."""
    stream = configured()

    logging.getLogger("library").log(level, "odd")

    assert [line["level"] for line in lines(stream)] == [shown]


@pytest.mark.parametrize("fault", [OSError(28, "No space left"), ValueError("closed")])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_stream_that_fails_fails_nobody(fault: Exception, log_format: str) -> None:
    """A full disk costs lines, never a request."""

    class Broken(io.StringIO):
        tried = 0

        def write(self, _: str) -> int:
            Broken.tried += 1
            raise fault

        def flush(self) -> None:
            raise fault

    configure(TelemetryOptions(log_format=log_format), Broken())  # type: ignore[arg-type]

    structlog.get_logger("gateway").warning("lost")
    logging.getLogger("library").warning("lost")

    assert Broken.tried == 2


def test_a_console_prints_no_traceback() -> None:
    """People share what is on their screens."""
    stream = configured(log_format="console")

    try:
        boom()
    except ValueError:
        structlog.get_logger("gateway").exception("failed")

    assert "failed" in stream.getvalue()
    assert "Traceback" not in stream.getvalue()
    assert "ana" not in stream.getvalue()


def test_lost_lines_are_said_in_the_log(tmp_path: Path) -> None:
    """Where lines are missing, the log itself says so and how many."""
    path = tmp_path / "log"
    with path.open("w") as file:
        lines = configure(TelemetryOptions(), file)
        assert isinstance(lines, LogWriter)
        assert lines.on_recovered is not None

        lines.on_recovered(7)
        lines.close()

    [line] = [json.loads(text) for text in path.read_text().splitlines()]
    assert (line["event"], line["level"], line["count"]) == (
        "log_lines_dropped",
        "warning",
        7,
    )


def test_a_library_s_line_does_not_wait_for_a_reader() -> None:
    """What aiohttp logs is written by the event loop as well."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as unread:
        lines = configure(TelemetryOptions(), unread)
        done = threading.Event()

        def fill() -> None:
            for _ in range(500):
                logging.getLogger("library").warning("x" * 199)
            done.set()

        threading.Thread(target=fill, daemon=True).start()

        assert done.wait(10)
        os.close(read_end)
        lines.close()
        assert isinstance(lines, LogWriter)
        assert lines._thread is not None
        lines._thread.join(10)
