"""Defines one flat class for each outcome that a caller or an operator can tell apart.

The slugs, statuses and titles stand in `problems.py`; constructors take facts, and a
`detail` built from them must be safe to show to anybody.
"""

from collections.abc import Collection


class GatewayError(Exception):
    """An answer that the gateway makes itself.

    Attributes:
        detail: One sentence for the caller, from safe facts only.
        retry_after: s until trying again may help; None where waiting does not.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class BadRequest(GatewayError):
    """The request cannot be relayed as it stands."""


class CallerUnknown(GatewayError):
    """The request does not show that it is of one of the callers."""


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
    """Dinie refuses a freshly minted token, or the credential itself."""


class UpstreamUnreachable(GatewayError):
    """Nothing was ever sent."""


class UpstreamProtocol(GatewayError):
    """Dinie's answer was cut or malformed on the last attempt."""


class OutcomeUnknown(GatewayError):
    """A POST was sent and no answer came."""


class UpstreamTimeout(GatewayError):
    """A request that is safe to repeat got no answer in time."""


class CredentialsUnavailable(GatewayError):
    """No token can be had now."""


class CircuitOpen(GatewayError):
    """The breaker refuses to ask."""


class Overloaded(GatewayError):
    """There is no room: in the queue, among the slots, or on the disk."""


class Draining(GatewayError):
    """The gateway is stopping."""
