"""Exchanges for tests: each field goes where it belongs."""

from typing import Any

from gateway.core.exchange import Exchange, Head, History, Peer, Target


def new_exchange(  # noqa: PLR0917 - as the exchange's own, with a target in between
    request_id: str = "r",
    method: str = "GET",
    target: str = "/",
    started: float = 0.0,
    peer: Peer | None = None,
    echoed_id: str = "",
    **fields: Any,
) -> Exchange:
    """Return an exchange whose head was read, and further fields of any part of it."""
    made = Exchange(request_id, method, started, peer, echoed_id)
    made.target = Target(target)
    change(made, **fields)
    return made


def change(made: Exchange, **fields: Any) -> None:
    """Set fields of an exchange, of what it said and of its history too."""
    for name, value in fields.items():
        if name in Target._fields:
            made.target = made.target._replace(**{name: value})
        elif name in Head._fields:
            made.head = made.head._replace(**{name: value})
        elif hasattr(History, name):
            setattr(made.history, name, value)
        else:
            assert hasattr(made, name), name
            setattr(made, name, value)
