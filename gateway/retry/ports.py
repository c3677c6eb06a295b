"""What does the attempt loop need from the rooms around it?"""

from collections.abc import Awaitable
from typing import Any, Protocol

from aiohttp import ClientResponse
from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from gateway.core.exchange import Exchange
from gateway.retry.policy import Outcome


class AttemptFailed(Exception):  # noqa: N818 - a fact about an attempt, no fault of ours
    """An attempt ended without a whole answer; aiohttp's own errors stop below."""

    def __init__(
        self, outcome: Outcome, detail: str, *, of_upstream: bool = True
    ) -> None:
        """Take how it ended.

        Args:
            outcome: From the closed set.
            detail: For people, safe to show.
            of_upstream: Whether it says something of the upstream; a caller's short
                deadline, or a pool that is used up, does not.
        """
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.of_upstream = of_upstream


class Sender(Protocol):
    """Makes single attempts, as a client session makes requests."""

    def request(
        self,
        method: str,
        url: URL,
        *,
        exchange: Exchange,
        attempt: ClientHandlerType,
        data: Any = None,
    ) -> Awaitable[ClientResponse]:
        """Make a request of an exchange and pass it to `attempt`."""


class Breaker(Protocol):
    """Says whether the upstream may be asked, and hears how it went."""

    @property
    def circuit(self) -> str:
        """Return `closed`, `half-open` or `open`."""

    def admit(self, *, safe: bool = True, hurried: bool = False) -> Any:
        """Raise CircuitOpen, or let one attempt pass.

        Args:
            safe: Whether it has no effect.
            hurried: Whether its deadline may end it before the upstream is late.

        Returns:
            What `record` takes to know when it passed.
        """

    def record(self, outcome: str, held: Any) -> None:
        """Take one verdict.

        It is `success`, `failure`, `timeout`, `connect_failure` or `ignored`.
        """


class Observer(Protocol):
    """Counts retries."""

    def retry(self, reason: str) -> None:
        """Note one scheduled retry."""

    def identical_5xx(self) -> None:
        """Note the same 5xx again under one key."""
