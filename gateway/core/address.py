"""The address of a listener: `host:port`, `unix:/path` or `off`."""

from dataclasses import dataclass
from typing import Any

_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener binds; `off` has no field set."""

    host: str | None = None
    port: int | None = None
    path: str | None = None

    @property
    def off(self) -> bool:
        """Whether nothing listens."""
        return self.host is None and self.path is None

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        if self.host is None:
            return "off"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(value: Any) -> Address:
    """Return the address that a text names.

    Raises:
        ValueError: It has none of the three forms.
    """
    if isinstance(value, Address):
        return value
    if value is False or value == "off":  # YAML reads a bare off as false
        return Address()
    if isinstance(value, str):
        if value.startswith("unix:/"):
            return Address(path=value.removeprefix("unix:"))
        host, colon, port = value.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if colon and host and port.isdigit() and int(port) <= _LARGEST_PORT:
            return Address(host, int(port))
    raise ValueError("must be host:port, unix:/path or off")
