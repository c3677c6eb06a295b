"""The table of POSTs: jobs as they run on a connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from gateway.storage.database.migrations import migrate
from gateway.storage.ledger import queries


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        migrate(made)
        yield made


def row(key: str, state: str, at: float, upstream: str = "") -> tuple[Any, ...]:
    return ("local", key, "01", "/loans", "r1", state, at, at, 0, 0, upstream)


def test_unknown_ones_come_back_whatever_their_age(
    connection: sqlite3.Connection,
) -> None:
    """Of the others the newest, within what there is room for."""
    queries.upsert(
        [row("lost", "unknown", 1.0)]
        + [row(f"k{n}", "answered", float(n)) for n in range(2, 7)]
    )(connection)

    found = queries.newest("local", most=3)(connection)

    assert [one.key for one in found] == ["lost", "k5", "k6"]
    assert queries.newest("production", most=3)(connection) == []


def test_a_key_that_comes_again_after_its_week_is_the_new_request_s(
    connection: sqlite3.Connection,
) -> None:
    """With the body of before it would refuse its own repeats after a restart."""
    later = queries.KEPT + 2.0
    again = ("local", "k", "02", "/loans", "r2", "answered", later, later, 201, 0, "k")
    queries.upsert([row("k", "answered", 1.0), again])(connection)

    found = queries.find("local", "k", since=0.0)(connection)

    assert found == queries.LedgerRow("k", "02", later, "answered", "k")


def test_what_is_under_way_for_longer_than_anybody_waits_is_found(
    connection: sqlite3.Connection,
) -> None:
    """Its gateway ended without a word."""
    queries.upsert(
        [
            row("old", "in_flight", 1.0),
            row("new", "in_flight", 9.0),
            row("done", "answered", 1.0),
        ]
    )(connection)

    found = queries.under_way("local", before=5.0)(connection)

    assert [one.key for one in found] == ["old"]
    assert queries.under_way("production", before=5.0)(connection) == []


def test_the_newest_are_found_by_an_index(connection: sqlite3.Connection) -> None:
    """A week of a busy gateway is too much to sort at each start."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    queries.newest("local", most=3)(connection)
    connection.set_trace_callback(None)

    for statement in asked:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        assert not any("TEMP B-TREE" in step[-1] for step in plan), plan


def test_the_upstream_key_of_the_intent_is_kept(connection: sqlite3.Connection) -> None:
    """Outcomes do not tell it again."""
    queries.upsert([row("k", "in_flight", 1.0, "shop:k")])(connection)
    queries.upsert([row("k", "answered", 2.0)])(connection)

    found = queries.find("local", "k", since=0.0)(connection)

    assert found is not None
    assert (found.state, found.upstream) == ("answered", "shop:k")


def test_tidying_goes_step_by_step(connection: sqlite3.Connection) -> None:
    """A thousand at a time: a commit of a webhook waits for each."""
    rows = [row(f"k{n}", "dropped", 1.0) for n in range(1001)]
    for begin in range(0, len(rows), queries.MOST):
        queries.upsert(rows[begin : begin + queries.MOST])(connection)

    assert queries.remove_old("local", now=100.0, confirmed=100.0)(connection) is True
    assert queries.remove_old("local", now=100.0, confirmed=100.0)(connection) is False
