"""Computes the time budget of a request and the limits of an attempt. Pure."""

from collections.abc import Mapping

from gateway.core.errors import BadRequest
from gateway.deadline.options import DeadlineOptions

_NEARLY = 0.9  # of `deadline.total`; permit, token and connecting take the rest
_LONGEST = 10  # digits of a header that are read


def head_limit(options: DeadlineOptions, *, upload: bool) -> float:
    """Return how long the upstream may take to begin a response, s.

    A caller's own deadline does not change it: an attempt that ends sooner for that
    says nothing of Dinie. An upload's body goes first, so it has the whole limit.
    """
    if upload:
        return whole_limit(options, upload=True)
    return min(options.first_byte, whole_limit(options, upload=False))


def whole_limit(options: DeadlineOptions, *, upload: bool) -> float:
    """Return how long an attempt may take as a whole, s, for every caller."""
    if upload:
        return options.maximum * _NEARLY
    return min(options.attempt, options.total * _NEARLY)


def budget(
    options: DeadlineOptions, control: Mapping[str, str], *, upload: bool
) -> float:
    """Return how long a request may take, s; a caller can only lower it.

    Args:
        options: Of the configuration.
        control: Headers, with lower-case names. They are relative, since clocks differ.
        upload: Whether the request is an upload.

    Raises:
        BadRequest: `X-Request-Timeout-Ms` is no positive whole number.
    """
    total = options.maximum if upload else options.total
    asked = control.get("x-request-timeout-ms")
    if asked is not None:
        if not (asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST):
            raise BadRequest("X-Request-Timeout-Ms must be whole milliseconds")
        if int(asked) == 0:
            raise BadRequest("X-Request-Timeout-Ms must be above 0")
        return min(total, int(asked) / 1000)
    envoy = control.get("x-envoy-expected-rq-timeout-ms", "")
    # A mesh sets this one: a malformed value is no fault of the caller, and ignored.
    if envoy.isascii() and envoy.isdigit() and len(envoy) <= _LONGEST and int(envoy):
        return min(total, int(envoy) / 1000)
    return total
