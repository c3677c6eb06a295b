"""Recovery: what can be read of a damaged file comes over, and nothing twice."""

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.inbox.ports import Settlement
from gateway.storage.inbox.recover import Recovered, recover
from tests.inbox.scene import arrival, opened


async def filled(path: Path, count: int, body: bytes = b"x" * 500) -> None:
    """Write a file with so many events, the first of them delivered."""
    async with opened(path) as inbox:
        for number in range(count):
            await inbox.store.add(arrival(f"evt_{number}", body=body), ["a"])
        await inbox.store.settle(Settlement(1, "a", "delivered", 1, 0.0, 200, ""))
        await inbox.store.claim("a", most=1, ordered=False)


async def test_a_whole_file_comes_over_with_what_was_delivered(tmp_path: Path) -> None:
    """A lease is not brought along: nobody holds it here."""
    await filled(tmp_path / "old.db", 3)
    async with opened(tmp_path / "new.db") as inbox:
        await inbox.store.add(arrival("evt_2"), ["a"])
        path = str(tmp_path / "old.db")

        first = await recover(inbox.database, path, on_progress=lambda _: None)
        second = await recover(inbox.database, path, on_progress=lambda _: None)

        assert (first, second) == (Recovered(3, 2, True), Recovered(3, 0, True))
        assert await inbox.states() == {
            "evt_0 a": "delivered",
            "evt_1 a": "pending",
            "evt_2 a": "pending",
        }


async def test_of_a_torn_file_the_rest_comes_over(tmp_path: Path) -> None:
    """Before the tear and behind it."""
    path = tmp_path / "old.db"
    await filled(path, 400)
    whole = path.read_bytes()
    torn = len(whole) // 8192 * 4096
    path.write_bytes(whole[:torn] + b"\xff" * 4096 + whole[torn + 4096 :])

    async with opened(tmp_path / "new.db") as inbox:
        found = await recover(inbox.database, str(path), on_progress=lambda _: None)

        assert not found.whole
        assert found.read == found.brought >= 300


async def test_what_is_no_database_gives_nothing(tmp_path: Path) -> None:
    """And says so."""
    path = tmp_path / "old.db"
    path.write_bytes(b"no database at all" * 1000)

    async with opened(tmp_path / "new.db") as inbox:
        found = await recover(inbox.database, str(path), on_progress=lambda _: None)

    assert found == Recovered(0, 0, whole=False)


async def test_what_was_never_written_so_is_left_out(tmp_path: Path) -> None:
    """A file of somebody else's, or one whose bytes have changed."""
    path = tmp_path / "old.db"
    await filled(path, 3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("UPDATE deliveries SET state = 'x' WHERE seq = 2")
        connection.execute("ALTER TABLE events ADD COLUMN further TEXT")

    async with opened(tmp_path / "new.db") as inbox:
        found = await recover(inbox.database, str(path), on_progress=lambda _: None)

        assert found == Recovered(3, 2, whole=False)
        assert sorted(await inbox.states()) == ["evt_0 a", "evt_2 a"]


async def test_thousands_share_their_commits(tmp_path: Path) -> None:
    """A commit for each event took minutes; one that is no event harms no other."""
    await filled(tmp_path / "old.db", 450)
    with closing(sqlite3.connect(tmp_path / "old.db")) as old, old:
        old.execute("PRAGMA ignore_check_constraints=ON")
        old.execute("UPDATE deliveries SET state = 'odd' WHERE seq = 7")
    commits: list[str] = []
    told: list[int] = []
    async with opened(tmp_path / "new.db") as inbox:
        await inbox.database.write(
            lambda c: c.set_trace_callback(
                lambda text: commits.append(text) if text == "COMMIT" else None
            )
        )
        path = str(tmp_path / "old.db")

        found = await recover(inbox.database, path, on_progress=told.append)

    assert found == Recovered(450, 449, whole=False)
    assert len(commits) <= 12
    assert told == [200, 400, 450]
