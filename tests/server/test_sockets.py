"""Binding: a socket file belongs to one process, and only this one removes it."""

import errno
import socket
from pathlib import Path

import pytest

from gateway.core.address import Address
from gateway.server.sockets import bind


def unix(folder: Path) -> Address:
    return Address(path=str(folder / "s"))


def accepts(path: str | None) -> bool:
    """Return whether something accepts connections there."""
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(path or "")
        except OSError:
            return False
    return True


def test_a_second_bind_takes_nothing_from_the_first(tmp_path: Path) -> None:
    """The first process keeps its callers."""
    where = unix(tmp_path)
    first = bind(where)

    with pytest.raises(OSError, match="another process listens") as refused:
        bind(where)

    assert refused.value.errno == errno.EADDRINUSE
    assert accepts(where.path)
    assert first.gone is None
    first.close()


def test_another_program_s_socket_is_not_taken(tmp_path: Path) -> None:
    """It holds no lock of ours, but it accepts connections."""
    where = unix(tmp_path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(where.path or "")
        other.listen()

        with pytest.raises(OSError, match="another process listens"):
            bind(where)

        assert accepts(where.path)


def test_a_dead_process_s_socket_is_replaced(tmp_path: Path) -> None:
    """After a kill the next start needs no hand."""
    where = unix(tmp_path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(where.path or "")

    bound = bind(where)

    assert accepts(where.path)
    bound.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """A slip in the configuration deletes nothing."""
    (tmp_path / "s").write_text("precious")

    with pytest.raises(OSError, match="is not a socket"):
        bind(unix(tmp_path))

    assert (tmp_path / "s").read_text() == "precious"


def test_a_removed_socket_is_noticed(tmp_path: Path) -> None:
    """No caller can connect any more, although the process is well."""
    bound = bind(unix(tmp_path))

    (tmp_path / "s").unlink()

    assert bound.gone == str(tmp_path / "s")
    bound.close()


def test_a_replaced_socket_is_noticed_and_left_to_its_owner(tmp_path: Path) -> None:
    """What another process put there is not ours to remove."""
    bound = bind(unix(tmp_path))
    (tmp_path / "s").rename(tmp_path / "moved")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
        other.listen()

        gone = bound.gone
        bound.close()

        assert gone == str(tmp_path / "s")
        assert accepts(str(tmp_path / "s"))


def test_a_closed_socket_leaves_no_file_and_may_be_bound_again(tmp_path: Path) -> None:
    """A restart on the same path works."""
    where = unix(tmp_path)
    first = bind(where)
    first.close()

    assert not (tmp_path / "s").exists()
    assert first.gone is None
    bind(where).close()


def test_closing_twice_does_not_remove_the_next_one_s_socket(tmp_path: Path) -> None:
    """Between a drain and the end another gateway may have come."""
    where = unix(tmp_path)
    first = bind(where)
    first.close()
    second = bind(where)

    first.close()

    assert accepts(where.path)
    second.close()


def test_a_lock_is_not_followed_through_a_link(tmp_path: Path) -> None:
    """In a folder that others may write, a link would open any file."""
    (tmp_path / "s.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"):
        bind(unix(tmp_path))

    assert not (tmp_path / "elsewhere").exists()


def test_a_taken_port_is_refused_before_anything_is_served() -> None:
    """A port that is bound only could be bound twice; a listening one cannot."""
    first = bind(Address("127.0.0.1", 0))
    port = int(first.address.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        bind(Address("127.0.0.1", port))

    first.close()


def test_a_name_with_two_addresses_has_one_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is announced holds for both."""
    two = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: two)

    bound = bind(Address("localhost", 0))

    assert len({sock.getsockname()[1] for sock in bound.sockets}) == 1
    assert len(bound.sockets) == 2
    bound.close()


@pytest.mark.parametrize("usable", [True, False])
def test_an_address_that_this_host_has_not_is_left_out_of_several(
    monkeypatch: pytest.MonkeyPatch, *, usable: bool
) -> None:
    """`localhost` names ::1 also where IPv6 is off."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.1", 0))]
    if usable:
        found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    if not usable:
        with pytest.raises(OSError, match="assign"):
            bind(Address("localhost", 0))
        return
    bound = bind(Address("localhost", 0))

    assert bound.address.startswith("127.0.0.1:")
    bound.close()
