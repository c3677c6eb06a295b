"""Builds the headers of a delivery. Pure.

A subscriber with a secret of its own gets a fresh signature by that. Without one it
gets Dinie's own signature while the timestamp is recent enough to be accepted; later,
and for synthetic events, a fresh one by the secrets that Dinie signs with.
"""

from collections.abc import Mapping
from typing import Final

from gateway.core.secret import Secret
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.ports import Arrival
from gateway.inbox.signature import parse_secret, sign

_DINIE_SECRET: Final = "webhook_secret"  # noqa: S105 - a field's name
_IN_TRANSIT: Final = 30.0  # s before the tolerance ends
_MOST_KEYS: Final = 3


def key_of(subscriber: SubscriberOptions, fields: Mapping[str, Secret]) -> bytes | None:
    """Return a subscriber's own key; None: it has none, or none that can be used."""
    keys = _keys(fields.get(subscriber.secret)) if subscriber.secret else []
    return keys[0] if keys else None


def delivery_headers(
    arrival: Arrival,
    subscriber: SubscriberOptions,
    fields: Mapping[str, Secret],
    *,
    now: float,
    tolerance: float,
) -> list[tuple[str, str]]:
    """Return the headers of a delivery.

    Args:
        arrival: The event.
        subscriber: The receiver.
        fields: The secrets in force.
        now: Unix, s.
        tolerance: s that a timestamp may be old.
    """
    timestamp, signature = arrival.timestamp, arrival.signature
    own = key_of(subscriber, fields)
    keys = [] if own is None else [own]
    if own is None and _is_stale(timestamp, now, tolerance):
        keys = _keys(fields.get(_DINIE_SECRET))
    if keys:
        timestamp = f"{now:.0f}"
        named = arrival.webhook_id.encode(), timestamp.encode(), arrival.body
        signature = " ".join(sign(key, *named).decode() for key in keys)
    found = {
        "Content-Type": arrival.content_type,
        "Content-Encoding": arrival.content_encoding,
        "webhook-id": arrival.webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
        "X-Gateway-Event-Type": arrival.event_type,
        "X-Gateway-Synthetic": "true" if arrival.synthetic else "",
    }
    return [(name, value) for name, value in found.items() if value]


def _is_stale(timestamp: str, now: float, tolerance: float) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit()):
        return True
    return abs(now - float(timestamp)) > tolerance - _IN_TRANSIT


def _keys(held: Secret | None) -> list[bytes]:
    """Return the keys of a field, without those that cannot be parsed."""
    keys = []
    for text in held.reveal().split()[:_MOST_KEYS] if held is not None else ():
        try:
            keys.append(parse_secret(text))
        except ValueError:
            continue
    return keys
