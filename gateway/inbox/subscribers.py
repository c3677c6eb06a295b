"""Which subscribers are there? Pure."""

from collections.abc import Callable, Sequence
from hashlib import sha256

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import matches


def targets(subscribers: Sequence[SubscriberOptions]) -> dict[str, str]:
    """Return a digest of each subscriber's URL, by its name.

    What one URL said of itself (410) does not hold for the next under its name.
    """
    return {one.name: sha256(one.url.encode()).hexdigest()[:16] for one in subscribers}


def wanting(
    subscribers: Sequence[SubscriberOptions],
) -> Callable[[str], list[str]]:
    """Return what names the subscribers that want a type."""
    return lambda event_type: [
        one.name for one in subscribers if matches(one.events, event_type)
    ]
