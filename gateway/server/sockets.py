"""Binds listening sockets, and owns the files of Unix sockets.

A socket file is replaced only when nothing listens on it. A lock file beside it, held
for the life of the process, makes the check and the replacement one step among
gateways. A connection attempt shows whether another program listens there.
"""

import errno
import fcntl
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gateway.core.address import Address

_BACKLOG: Final = 1024
_PROBE_TIMEOUT: Final = 1.0  # s; a connect to a full backlog waits
_UNUSABLE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class SocketFile:
    """The file of a Unix socket, and the lock that makes it this process's."""

    def __init__(self, path: str) -> None:
        """Take the lock of a path.

        Raises:
            OSError: Another gateway holds it, or the folder cannot be written.
        """
        self.path = path
        self._identity: tuple[int, int] | None = None
        self._lock = os.open(
            f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise _in_use(path) from error

    def bind(self, sock: socket.socket) -> None:
        """Bind a socket to the path, replacing a socket on which nothing listens.

        Raises:
            OSError: Something listens there, or the file is not a socket.
        """
        _clear(self.path)
        sock.bind(self.path)
        self._identity = _identity(self.path)

    @property
    def closed(self) -> bool:
        """Whether the path was released."""
        return self._lock < 0

    @property
    def ours(self) -> bool:
        """Whether the path still leads to the socket that was bound."""
        return self._identity is not None and _identity(self.path) == self._identity

    def close(self) -> None:
        """Remove the socket if it is still ours, then release the path.

        The lock file stays: removing it would let two gateways lock two files.
        """
        if self.closed:
            return
        if self.ours:
            with suppress(OSError):
                Path(self.path).unlink()
        os.close(self._lock)
        self._lock = -1


class BoundSockets:
    """The sockets of one address; connections wait in them until they are served."""

    def __init__(self, sockets: list[socket.socket], file: SocketFile | None) -> None:
        self.sockets = sockets
        self._file = file

    @property
    def address(self) -> str:
        """Return the bound address: `host:port` with the real port, or `unix:/path`."""
        bound = self.sockets[0].getsockname()
        if isinstance(bound, tuple):
            host, port = bound[:2]
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"unix:{bound}"

    @property
    def gone(self) -> str | None:
        """Return the path of a socket file that is no longer ours; None: it is."""
        file = self._file
        return None if file is None or file.closed or file.ours else file.path

    def close(self) -> None:
        """Close the sockets and remove their file."""
        if self._file is not None:
            self._file.close()
        for sock in self.sockets:
            sock.close()


def bind(address: Address) -> BoundSockets:
    """Bind an address and listen on it; nothing is accepted yet.

    Raises:
        OSError: Something else listens there, or it cannot be bound.
    """
    if address.path is None:
        return BoundSockets(_bind_tcp(address.host, address.port), None)
    file = SocketFile(address.path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        file.bind(sock)
        _listen(sock)
    except BaseException:
        file.close()
        sock.close()
        raise
    return BoundSockets([sock], file)


def _bind_tcp(host: str | None, port: int | None) -> list[socket.socket]:
    """Return a socket for each address of a host, all with the same port."""
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound: list[socket.socket] = []
    failed: OSError | None = None
    try:
        for family, _, _, _, where in dict.fromkeys(found):
            taken = bound[0].getsockname()[1] if bound else where[1]
            try:
                bound.append(_bind_one(family, (where[0], taken, *where[2:])))
            except OSError as error:
                if error.errno not in _UNUSABLE:
                    raise
                failed = error  # such as ::1 where IPv6 is off
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    if failed is not None and not bound:
        raise failed
    return bound


def _bind_one(family: int, where: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        _listen(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _listen(sock: socket.socket) -> None:
    sock.settimeout(0)
    # Immediately: a port that is only bound can be bound a second time.
    sock.listen(_BACKLOG)


def _clear(path: str) -> None:
    """Remove a socket file that a dead process left.

    Raises:
        OSError: Something listens on it, or it is not a socket.
    """
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise OSError(errno.EEXIST, f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
        except FileNotFoundError:  # removed meanwhile
            return
        except OSError as error:  # a full backlog, or no right to ask: in use
            raise _in_use(path) from error
        else:
            raise _in_use(path)


def _in_use(path: str) -> OSError:
    return OSError(errno.EADDRINUSE, f"another process listens on unix:{path}")


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file; None: there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
