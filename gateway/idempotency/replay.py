"""Decides which request may use a key, and copies a response for its followers."""

from aiohttp import web

from gateway.core.errors import GatewayError, IdempotencyKeyReused, OutcomeUnknown
from gateway.core.exchange import Exchange
from gateway.idempotency.policy import is_generated
from gateway.idempotency.ports import Record


def same_authority(leader: Exchange, follower: Exchange) -> bool:
    """Return whether both ask with the gateway's token, or with the same bearer."""
    if not (leader.own_bearer or follower.own_bearer):
        return True
    mine, theirs = (one.head.control.get("authorization") for one in (follower, leader))
    return leader.own_bearer and follower.own_bearer and mine == theirs


def wanted(exchange: Exchange) -> set[tuple[str, str]]:
    """Return the headers that choose the form of a response."""
    return {
        (name.lower(), value)
        for name, value in exchange.head.headers
        if name.lower().startswith("accept")
    }


def copied(response: web.Response) -> web.Response:
    """Return a copy of Dinie's response, before the boundary adds its headers."""
    return web.Response(
        status=response.status,
        reason=response.reason,
        headers=response.headers.copy(),
        body=response.body,
    )


def replay(response: web.Response) -> web.Response:
    """Return a follower's own copy of the leader's response."""
    copy = copied(response)
    copy.headers["Idempotency-Replayed"] = "true"
    return copy


def copy_of(error: GatewayError) -> GatewayError:
    """Return an error like the leader's, without its traceback."""
    return type(error)(error.detail, retry_after=error.retry_after)


def refuse_second_send(leader: Exchange, exchange: Exchange) -> None:
    """Keep a follower from sending what a leader without a response has sent.

    Raises:
        OutcomeUnknown: its effect cannot be repeated.
    """
    if leader.history.sends and not exchange.target.repeatable:
        raise OutcomeUnknown(
            "The same request was sent, and its response cannot be given twice. It "
            "cannot be repeated: read the resource to learn what became of it."
        )


def refuse_another(record: Record | None, exchange: Exchange) -> None:
    """Refuse a key that belongs to another request, or to one that is not known.

    Raises:
        IdempotencyKeyReused: as said.
    """
    if record is None or record.fingerprint == exchange.fingerprint:
        return
    if record.fingerprint:
        raise IdempotencyKeyReused(
            "the key was used for another method, path or body: "
            "use a new key for a new request"
        )
    # An earlier version recorded no fingerprint while the disk was full, and none of a
    # generated key: only its caller knows such a key, and must be able to repeat.
    if not is_generated(exchange.key or ""):
        raise IdempotencyKeyReused(
            "the key was used before, and its record does not say for which request: "
            "read the resource to learn what became of it"
        )
