"""Where do webhooks arrive, how long are they kept, and who gets them?"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, MinLen


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberOptions:
    """One service that gets deliveries."""

    name: str
    url: str
    events: Annotated[tuple[str, ...], MinLen(1)]  # loan.created, customer.* or *
    secret: str | None = None  # the secret field to sign with; else Dinie's signature
    timeout: Annotated[float, Gt(0), Le(60)] = 5.0  # s for its whole answer
    ordered: bool = False  # one after another for each customer, loan and so on


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxOptions:
    """The webhook inbox; spans in s."""

    path: str = "/webhooks/dinie"
    tolerance: Annotated[float, Gt(0)] = 300.0  # of a timestamp, both ways
    dedup_ttl: Annotated[float, Ge(86_400)] = 604_800.0  # an id is known for so long
    max_body: Annotated[int, Ge(1024)] = 262_144  # bytes
    subscribers: tuple[SubscriberOptions, ...] = ()
    schedule: Annotated[tuple[Annotated[float, Ge(0)], ...], MinLen(1)] = (
        5.0,
        30.0,
        120.0,
        600.0,
        1800.0,
        7200.0,
        21_600.0,
        43_200.0,
        86_400.0,
    )  # waits before the 2nd, 3rd … try, +/- 20 %
    lease: Annotated[float, Gt(0)] = 60.0  # a try belongs to one gateway for so long
    endpoint_id: str | None = None  # at Dinie; whose secret is rotated
