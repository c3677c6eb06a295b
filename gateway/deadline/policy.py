"""Computes the deadline of a request and the limits of an attempt. Pure."""

from collections.abc import Mapping

from gateway.core.errors import BadRequest
from gateway.deadline.options import DeadlineOptions

_NEARLY = 0.9  # of `deadline.total`: permit, token and connecting take the rest
_LONGEST = 10  # digits of a header worth reading


def head_limit(options: DeadlineOptions, *, upload: bool) -> float:
    """Return how long the upstream may take to begin a response, s.

    No caller's deadline changes it: an attempt that ends sooner for want of time says
    something of its caller only. An upload's body takes its time first.
    """
    if upload:
        return whole_limit(options, upload=True)
    return min(options.first_byte, whole_limit(options, upload=False))


def whole_limit(options: DeadlineOptions, *, upload: bool) -> float:
    """Return how long an attempt may take as a whole, s, whoever asks."""
    if upload:
        return options.maximum * _NEARLY
    return min(options.attempt, options.total * _NEARLY)


def budget(
    options: DeadlineOptions, control: Mapping[str, str], *, upload: bool
) -> float:
    """Return how long a request may take, s. A caller can only lower it.

    Source: the headers are relative, because clocks differ.

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
    # A mesh sets this one by itself: what it gets wrong is no fault of the caller.
    if envoy.isascii() and envoy.isdigit() and len(envoy) <= _LONGEST and int(envoy):
        return min(total, int(envoy) / 1000)
    return total
