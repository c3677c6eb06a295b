"""Settings of the webhook inbox and of its subscribers."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, MinLen


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberOptions:
    """A service that receives deliveries."""

    name: str
    url: str
    events: Annotated[tuple[str, ...], MinLen(1)]  # loan.created, customer.* or *
    secret: str | None = None  # field to sign with; None: Dinie's signature is sent
    timeout: Annotated[float, Gt(0), Le(60)] = 5.0  # s for the response
    ordered: bool = False  # one delivery at a time for each customer, offer or loan


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxOptions:
    """The webhook inbox; spans in s."""

    path: str = "/webhooks/dinie"
    tolerance: Annotated[float, Gt(0)] = 300.0  # age of a timestamp, both ways
    dedup_ttl: Annotated[float, Ge(86_400)] = 604_800.0  # events and their ids are kept
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
    )  # waits before the 2nd, 3rd … attempt, +/- 20 %
    lease: Annotated[float, Gt(0)] = 60.0  # an attempt belongs to one gateway
    endpoint_id: str | None = None  # the endpoint at Dinie whose secret is rotated
