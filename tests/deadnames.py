"""Names whose name server does not answer: lookups hang until a test lets them go."""

import socket
import threading
from collections import Counter
from typing import Any

import pytest


class DeadNames:
    """Stands before the system's resolver, which cannot be had without an answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.asked: Counter[str] = Counter()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._ask)

    def _ask(self, host: Any, *given: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        self.asked[name] += 1
        if "dead" in name:
            self.go.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        return self._real("127.0.0.1", *given, **named)
