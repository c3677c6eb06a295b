"""The resolver: a name waits for no other name."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from gateway.upstream.resolver import Resolver
from tests.deadnames import DeadNames


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadNames]:
    made = DeadNames(monkeypatch)
    yield made
    made.go.set()


async def test_dead_names_cost_a_healthy_name_nothing(names: DeadNames) -> None:
    """The loop's few threads would all wait for them, and Dinie's name with them."""
    resolver = Resolver()
    dead = [
        asyncio.ensure_future(resolver.resolve(f"dead-{number}.test", 80))
        for number in range(40)
    ]
    await asyncio.sleep(0)

    (found,) = await asyncio.wait_for(resolver.resolve("healthy.test", 80), 10)

    assert (found["host"], found["port"]) == ("127.0.0.1", 80)
    assert not any(one.done() for one in dead)
    names.go.set()
    failed = await asyncio.gather(*dead, return_exceptions=True)
    assert {type(one) for one in failed} == {socket.gaierror}


async def test_a_name_is_looked_up_once_however_many_wait(names: DeadNames) -> None:
    """A retry a second must not be a thread a second."""
    resolver = Resolver(timeout=0.01)

    failed = await asyncio.gather(
        *(resolver.resolve("dead.test", 80) for _ in range(20)), return_exceptions=True
    )
    with pytest.raises(OSError, match="no name server answered in time"):
        await resolver.resolve("dead.test", 80)

    assert {type(one) for one in failed} == {socket.gaierror}
    assert names.asked == {"dead.test": 1}


async def test_an_address_is_used_on_while_its_name_server_is_away(
    names: DeadNames,
) -> None:
    """A healthy service stays reachable while names cannot be looked up."""
    resolver = Resolver(fresh=0.0)
    await resolver.resolve("becomes.test", 80)
    names.asked.clear()
    (known,) = resolver._names.values()
    resolver._names = {("dead.test", 80, socket.AF_INET): known}

    (found,) = await asyncio.wait_for(resolver.resolve("dead.test", 80), 10)

    assert found["host"] == "127.0.0.1"
    assert names.asked == {"dead.test": 1}


async def test_an_address_that_is_too_old_is_used_no_more(names: DeadNames) -> None:
    """It may be another service's by now."""
    resolver = Resolver(timeout=0.01, fresh=0.0, stale=0.0)
    await resolver.resolve("becomes.test", 80)
    (known,) = resolver._names.values()
    resolver._names = {("dead.test", 80, socket.AF_INET): known}

    with pytest.raises(OSError, match="no name server answered"):
        await resolver.resolve("dead.test", 80)
    assert names.asked["dead.test"] == 1


async def test_a_name_that_failed_is_looked_up_again(
    names: DeadNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is not remembered: the service may be there a moment later."""
    resolver = Resolver()
    names.go.set()
    with pytest.raises(socket.gaierror):
        await resolver.resolve("dead.test", 80)
    monkeypatch.undo()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])

    with pytest.raises(socket.gaierror, match="the name has no address"):
        await resolver.resolve("dead.test", 80)


async def test_several_addresses_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pods behind one name share the load; a link-local address has its scope."""
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 80, 0, 2)),
        ],
    )
    resolver = Resolver()

    first = [(await resolver.resolve("a.test", 80))[0]["host"] for _ in range(3)]

    assert first == ["192.0.2.1", "fe80::1%2", "192.0.2.1"]


async def test_the_system_s_own_files_hold() -> None:
    """`/etc/hosts` and search domains are as for every other program."""
    resolver = Resolver()

    found = await resolver.resolve("localhost", 80)

    await resolver.close()
    assert "127.0.0.1" in {one["host"] for one in found}
    with pytest.raises(socket.gaierror, match="malformed"):
        await resolver.resolve(f"{'a' * 64}.test", 80)


async def test_without_a_thread_a_name_fails_and_nothing_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A limit on processes is no reason to wait for ever."""

    def start(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", start)

    with pytest.raises(socket.gaierror, match="can't start new thread"):
        await Resolver().resolve("a.test", 80)
