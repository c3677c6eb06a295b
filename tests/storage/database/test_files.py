"""Files: private, and a damaged one is moved aside with what belongs to it."""

import errno
import os
from pathlib import Path

import pytest

from gateway.storage.database.files import (
    FileTrouble,
    find_room,
    identity,
    move_aside,
    prepare,
)


def test_a_new_file_is_nobody_elses_to_read(tmp_path: Path) -> None:
    """Bodies hold names, numbers and addresses."""
    path = tmp_path / "var" / "gateway.db"

    prepare(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """A restart must not empty it."""
    path = tmp_path / "gateway.db"
    path.write_bytes(b"kept")

    prepare(path)

    assert path.read_bytes() == b"kept"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """With its setting, and what to do."""
    (tmp_path / "file").write_text("")

    with pytest.raises(FileTrouble, match=r"storage\.sqlite_path.*mount a volume"):
        prepare(tmp_path / "file" / "gateway.db")


def test_a_damaged_file_moves_with_its_log(tmp_path: Path) -> None:
    """Half of it is in the write-ahead log."""
    path = tmp_path / "gateway.db"
    for suffix in ("", "-wal"):
        Path(f"{path}{suffix}").write_text(suffix)

    name = move_aside(path, "20261124T010203Z")

    assert name == f"{path}.corrupt-20261124T010203Z"
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "gateway.db.corrupt-20261124T010203Z",
        "gateway.db.corrupt-20261124T010203Z-wal",
    ]


def test_a_file_is_known_by_more_than_its_name(tmp_path: Path) -> None:
    """Somebody may put another in its place."""
    path = tmp_path / "gateway.db"
    none = identity(path)
    path.write_text("a")
    first = identity(path)
    path.rename(tmp_path / "elsewhere")
    path.write_text("b")

    assert set(none) == {None}
    assert first != identity(path)


def test_a_log_that_was_taken_away_is_noticed(tmp_path: Path) -> None:
    """What is written into it has no name any more."""
    path = tmp_path / "gateway.db"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").write_text("")
    whole = identity(path)

    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()
        less = identity(path)
        assert less != whole, suffix
        whole = less


def test_room_is_asked_for_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """A probe each second must not fill what it looks at."""
    find_room(tmp_path / "gateway.db", 1_000_000)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full: make room; it has under 512 KiB"),
        (errno.EDQUOT, "the disk is full: make room; it has under 512 KiB"),
        (errno.EIO, "it cannot be written: Input/output error"),
    ],
)
def test_a_disk_without_room_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    """Whoever is on call knows from the line what to do."""

    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("gateway.storage.database.files.os.posix_fallocate", refused)

    with pytest.raises(FileTrouble, match=said):
        find_room(tmp_path / "gateway.db", 524_288)

    assert list(tmp_path.iterdir()) == []
