"""What does a subscriber get besides the body? Pure.

With a secret of its own, a fresh signature by that one. Without, Dinie's own signature,
as long as its timestamp is recent enough to be believed; later, and for events that
were made here, a fresh one by the secrets that Dinie signs with.
"""

from collections.abc import Mapping
from typing import Final

from gateway.core.secret import Secret
from gateway.inbox.options import SubscriberOptions
from gateway.inbox.ports import Arrival
from gateway.inbox.signature import parse_secret, sign

_DINIES: Final = "webhook_secret"
_ON_ITS_WAY: Final = 30.0  # s before the tolerance ends
_MOST: Final = 3  # secrets


def key_of(subscriber: SubscriberOptions, fields: Mapping[str, Secret]) -> bytes | None:
    """Return a subscriber's own key; None: there is none, or no good one."""
    keys = _keys(fields.get(subscriber.secret)) if subscriber.secret else []
    return keys[0] if keys else None


def headers(
    arrival: Arrival,
    subscriber: SubscriberOptions,
    fields: Mapping[str, Secret],
    *,
    now: float,
    tolerance: float,
) -> list[tuple[str, str]]:
    """Return the headers of a delivery.

    Args:
        arrival: What is delivered.
        subscriber: To whom.
        fields: The secrets in force.
        now: Unix, s.
        tolerance: s that a timestamp may be old.
    """
    timestamp, signature = arrival.timestamp, arrival.signature
    own = key_of(subscriber, fields)
    keys = [] if own is None else [own]
    if own is None and _is_stale(timestamp, now, tolerance):
        keys = _keys(fields.get(_DINIES))
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
    return abs(now - float(timestamp)) > tolerance - _ON_ITS_WAY


def _keys(held: Secret | None) -> list[bytes]:
    """Return the keys of a field that are good ones."""
    keys = []
    for text in held.reveal().split()[:_MOST] if held is not None else ():
        try:
            keys.append(parse_secret(text))
        except ValueError:
            continue
    return keys
