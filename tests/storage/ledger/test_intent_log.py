"""The intent log: what was appended is there after a kill, line by line."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.ledger.intent_log import FIELDS, IntentLog, read


def row(key: str) -> tuple[Any, ...]:
    return ("local", key, *[""] * (FIELDS - 2))


@pytest.fixture
def log(tmp_path: Path) -> IntentLog:
    return IntentLog(tmp_path / "var" / "gateway.db")


def restarted(log: IntentLog) -> IntentLog:
    """Return the log of the process after a kill."""
    log.close()
    return IntentLog(log._folder / "gateway.db")


def keys(log: IntentLog) -> list[str]:
    return [row[1] for path in log.left() for row in read(path)]


def test_what_was_appended_is_read_in_order(log: IntentLog, tmp_path: Path) -> None:
    """By whoever comes next; by nobody else."""
    log.append([row("a"), row("b")])
    log.append([row("c")])
    (path,) = (tmp_path / "var").iterdir()

    assert keys(log) == []  # they are its own
    assert keys(restarted(log)) == ["a", "b", "c"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_look_at_all_rows_takes_none_away(log: IntentLog) -> None:
    """A command looks while a gateway starts, which must find what was left."""
    log.append([row("a")])
    dead = restarted(log)
    living = IntentLog(log._folder / "gateway.db")
    living.append([row("b")])

    seen = [one[1] for one in IntentLog(log._folder / "gateway.db").rows()]

    assert seen == ["a", "b"]
    assert keys(dead) == ["a"]


def test_what_a_living_process_writes_is_left_to_it(log: IntentLog) -> None:
    """Two gateways with one file: neither takes up, or removes, the other's."""
    other = IntentLog(log._folder / "gateway.db")
    log.append([row("a")])
    other.append([row("b")])

    assert (keys(log), keys(other)) == ([], [])
    other.close()
    assert keys(log) == ["b"]


def test_a_rotation_parts_what_is_folded_from_what_comes(log: IntentLog) -> None:
    """Only what was there before it is forgotten after the fold."""
    log.append([row("a")])
    log.rotate()
    log.append([row("b")])
    log.folded()

    assert keys(restarted(log)) == ["b"]


def test_a_fold_that_failed_is_done_again_with_what_came_since(log: IntentLog) -> None:
    """Nothing is overwritten, and all of it is forgotten together."""
    log.append([row("a")])
    log.rotate()
    log.append([row("b")])
    log.rotate()
    log.append([row("c")])
    after = keys(restarted(log))
    log.folded()

    assert after == ["a", "b", "c"]
    assert keys(restarted(log)) == ["c"]


def test_many_files_are_read_in_the_order_in_which_they_came(log: IntentLog) -> None:
    """A tenth one comes after the ninth; those of an older gateway come first."""
    for number in range(12):
        log.append([row(f"{number}")])
        log.rotate()
    old = {"gateway.db.intents": b"y", "gateway.db.intents.folding": b"x"}
    for name, key in old.items():
        line = b'["local","%s"%s]\n' % (key, b',""' * (FIELDS - 3))
        (log._folder / name).write_bytes(line)
    (log._folder / "gateway.db.intents.txt").write_text("somebody's notes")

    found = [row for path in restarted(log).left() for row in read(path)]

    assert [one[1] for one in found] == ["x", "y", *(f"{n}" for n in range(12))]
    assert {len(one) for one in found} == {FIELDS}


@pytest.mark.parametrize(
    "line", [b'["local","x"', b"\xff\xfe", b"{}", b"5", b'["too","few"]', b""]
)
def test_a_line_that_was_cut_off_is_left_out(
    log: IntentLog, tmp_path: Path, line: bytes
) -> None:
    """The disk was full, or the machine lost its power."""
    log.append([row("a")])
    (path,) = (tmp_path / "var").iterdir()
    with path.open("ab") as file:
        file.write(line + b"\n")
    log.append([row("b")])

    assert keys(restarted(log)) == ["a", "b"]


def test_a_full_disk_costs_no_line_but_those_that_it_refused(
    log: IntentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cut off must not swallow what comes after it."""
    write = os.write

    def cut(file: int, lines: bytes) -> int:
        return write(file, lines[:10])

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    log.append([row("a")])
    disks: list[Callable[..., int]] = [cut, full]
    for disk in disks:
        monkeypatch.setattr(os, "write", disk)
        with pytest.raises(OSError):  # noqa: PT011 - either
            log.append([row("lost")])
    monkeypatch.undo()
    log.append([row("b")])
    log.append([row("c")])

    assert keys(restarted(log)) == ["a", "b", "c"]


def test_nothing_is_nothing(log: IntentLog) -> None:
    """The first start; and one after a clean end."""
    log.rotate()
    log.folded()
    empty = keys(log)
    log.append([row("a")])
    log.rotate()
    log.folded()

    assert (empty, keys(restarted(log))) == ([], [])


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Decided by whoever appends."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="exists"):
        IntentLog(tmp_path / "file" / "gateway.db").append([row("a")])


def test_a_name_may_hold_whatever_a_name_may_hold(tmp_path: Path) -> None:
    """Else a start would find nothing of what was left."""
    first = IntentLog(tmp_path / "a[1]*.db")
    first.append([row("a")])
    first.close()

    assert keys(IntentLog(tmp_path / "a[1]*.db")) == ["a"]
