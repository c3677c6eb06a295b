"""Defines one class for each error that callers and operators distinguish. Pure.

The slugs, statuses and titles are in `problems.py`. A `detail` is shown to callers, and
is built from facts that are safe to show.
"""

from collections.abc import Collection


class GatewayError(Exception):
    """A response that the gateway makes itself.

    Attributes:
        detail: One sentence for the caller, from safe facts only.
        retry_after: s until a repeat may help; None where waiting does not.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        """Hold what the caller is shown; see the attributes."""
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class BadRequest(GatewayError):
    """The request cannot be relayed as it stands."""


class CallerUnknown(GatewayError):
    """The request does not prove that one of the callers sent it."""


class RouteForbidden(GatewayError):
    """The route is denied by configuration."""


class OriginForbidden(GatewayError):
    """A web page's request, or one for a Host that is not this gateway's."""


class MethodNotAllowed(GatewayError):
    """TRACE, CONNECT, or no HTTP method at all.

    Attributes:
        allowed: The methods that are relayed.
    """

    def __init__(
        self,
        detail: str,
        *,
        allowed: Collection[str] = (),
        retry_after: float | None = None,
    ) -> None:
        """Hold what the caller is shown.

        Args:
            detail: One sentence, from safe facts only.
            allowed: The methods that are relayed, for `Allow`.
            retry_after: s; None: waiting does not help.
        """
        super().__init__(detail, retry_after=retry_after)
        self.allowed = sorted(allowed)


class RequestTooLarge(GatewayError):
    """The body is over the cap of its route."""


class IdempotencyKeyReused(GatewayError):
    """The key was used for another request."""


class IdempotencyExpired(GatewayError):
    """The key is so old that Dinie has forgotten it."""


class RateLimited(GatewayError):
    """The learned quota cannot admit the request in time."""


class UpstreamAuthFailed(GatewayError):
    """Dinie refuses a new token, or the credential itself."""


class UpstreamUnreachable(GatewayError):
    """Nothing was ever sent."""


class UpstreamProtocol(GatewayError):
    """Dinie's response was cut or malformed on the last attempt."""


class OutcomeUnknown(GatewayError):
    """A POST was sent and no response came: it may have taken effect."""


class UpstreamTimeout(GatewayError):
    """A request that is safe to repeat got no response in time."""


class CredentialsUnavailable(GatewayError):
    """No token can be had now."""


class CircuitOpen(GatewayError):
    """Dinie is failing, and the circuit breaker lets no call through."""


class Overloaded(GatewayError):
    """There is no room: in the queue, among the slots, or on the disk."""


class Draining(GatewayError):
    """The gateway is stopping."""
