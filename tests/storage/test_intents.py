"""The intent log: what was appended is there after a kill, line by line."""

from pathlib import Path
from typing import Any

import pytest

from gateway.storage.intents import FIELDS, IntentLog


def row(key: str) -> tuple[Any, ...]:
    return ("local", key, *[""] * (FIELDS - 2))


@pytest.fixture
def log(tmp_path: Path) -> IntentLog:
    return IntentLog(tmp_path / "var" / "gateway.db")


def keys(log: IntentLog) -> list[str]:
    return [one[1] for one in log.left()]


def test_what_was_appended_is_read_in_order(log: IntentLog, tmp_path: Path) -> None:
    """By whoever comes next; by nobody else."""
    log.append([row("a"), row("b")])
    log.append([row("c")])

    path = tmp_path / "var" / "gateway.db.intents"
    assert keys(log) == ["a", "b", "c"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_rotation_parts_what_is_folded_from_what_comes(log: IntentLog) -> None:
    """Only what was there before it is forgotten after the fold."""
    log.append([row("a")])
    log.rotate()
    log.append([row("b")])
    both = keys(log)
    log.folded()

    assert (both, keys(log)) == (["a", "b"], ["b"])


def test_a_fold_that_failed_is_done_again_with_what_came_since(log: IntentLog) -> None:
    """The older file is not overwritten."""
    log.append([row("a")])
    log.rotate()
    log.append([row("b")])
    log.rotate()
    log.append([row("c")])

    assert keys(log) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "line", [b'["local","x"', b"\xff\xfe", b"{}", b"5", b'["too","few"]', b""]
)
def test_a_line_that_was_cut_off_is_left_out(
    log: IntentLog, tmp_path: Path, line: bytes
) -> None:
    """The disk was full, or the machine lost its power."""
    log.append([row("a")])
    with (tmp_path / "var" / "gateway.db.intents").open("ab") as file:
        file.write(line + b"\n")
    log.append([row("b")])

    assert keys(log) == ["a", "b"]


def test_nothing_is_nothing(log: IntentLog) -> None:
    """The first start; and one after a clean end."""
    log.rotate()
    log.folded()
    empty = keys(log)
    log.append([row("a")])
    log.forget()

    assert (empty, keys(log)) == ([], [])


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Decided by whoever appends."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="exists"):
        IntentLog(tmp_path / "file" / "gateway.db").append([row("a")])
