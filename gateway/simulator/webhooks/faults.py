"""Chooses what goes wrong with a webhook."""

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.simulator.options import Seconds, Share, SimulatorOptions
from gateway.simulator.response import Refusal

UNKNOWN_TYPE = "galaxy.exploded"
LARGE = 200 * 1024  # bytes of padding
STALE = 600  # s that a stale timestamp lies in the past


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFaults:
    """How likely each fault is, 0 to 1."""

    duplicates: Share = 0.0  # of deliveries: goes out twice
    reordering: Share = 0.0  # of deliveries: held back
    reorder_max: Seconds = 1.0  # s that one is held back at most
    bad_signature: Share = 0.0  # of attempts
    stale_timestamp: Share = 0.0  # of attempts
    unknown_type: Share = 0.0  # of events: one of a type that nobody knows follows
    large_body: Share = 0.0  # of events


_FAULTS = TypeAdapter(WebhookFaults)
_FIELDS = tuple(part.name for part in fields(WebhookFaults))


def at_start(options: SimulatorOptions) -> WebhookFaults:
    """Return the faults that the options ask for."""
    given = {name: getattr(options, f"webhook_{name}") for name in _FIELDS}
    return WebhookFaults(**given)


def changed(faults: WebhookFaults, given: dict[str, Any]) -> WebhookFaults:
    """Return faults with some set anew.

    Raises:
        Refusal: 400, for a field or a value that is none of theirs.
    """
    if unknown := set(given) - set(_FIELDS):
        raise Refusal(400, "unknown_field", f"unknown: {', '.join(sorted(unknown))}")
    try:
        return _FAULTS.validate_python({**asdict(faults), **given})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Refusal(400, "invalid_field", f"{where}: {first['msg']}") from error


class Dice:
    """Throws for one event or one delivery.

    Each has its own: what happens to it is the same whatever else is under way.
    """

    def __init__(self, *seed: object) -> None:
        self._random = random.Random("/".join(map(str, seed)))  # noqa: S311 - repeats

    def hits(self, share: float) -> bool:
        """Return whether a fault of this likelihood happens."""
        return self._random.random() < share

    def up_to(self, most: float) -> float:
        """Return a number from 0 to this one."""
        return self._random.uniform(0, most)

    def bytes(self, count: int) -> bytes:
        """Return so many bytes."""
        return self._random.randbytes(count)
