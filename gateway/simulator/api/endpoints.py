"""Implements the operations on webhook endpoints."""

import base64
from typing import Any

from gateway.simulator.fields import TEXT, TEXTS, WHOLE, check
from gateway.simulator.response import Refusal, Reply, ok
from gateway.simulator.webhooks.signing import PREFIX
from gateway.simulator.world import Record, World

_DEFAULT_LIFE = 3600  # s that an old secret goes on signing
_LONGEST_LIFE = 86_400  # s
_STATUSES = ("active", "disabled")


def create(world: World, content: dict[str, Any]) -> Reply:
    """Add an endpoint; its secret is shown here and on rotation.

    Raises:
        Refusal: 422.
    """
    _check(content, "url")
    url, events = content["url"], content.get("events")
    description = content.get("description")
    endpoint, secret = register(world, url, events, description=description)
    return ok({**endpoint, "secret": secret}, 201)


def register(
    world: World,
    url: str,
    events: list[str] | None = None,
    *,
    secret: str | None = None,
    description: str | None = None,
) -> tuple[Record, str]:
    """Add an endpoint of any URL; return it with its secret, made up where not given.

    Raises:
        ValueError: the secret cannot sign.
    """
    endpoint = world.add(
        "endpoints",
        "we",
        url=url,
        events=events or ["*"],
        description=description,
        status="active",
    )
    secret = secret or _secret(world)
    world.secrets.add(endpoint["id"], secret)
    return endpoint, secret


def update(world: World, endpoint: Record, content: dict[str, Any]) -> Reply:
    """Change what is given.

    Raises:
        Refusal: 422.
    """
    names = ("url", "events", "description", "status")
    changes = {name: content[name] for name in names if name in content}
    _check(changes, *changes)
    return ok(world.touch(endpoint, **changes))


def delete(world: World, endpoint: Record) -> Reply:
    """Forget an endpoint."""
    del world.kinds["endpoints"][endpoint["id"]]
    world.secrets.forget(endpoint["id"])
    return Reply(204)


def rotate(world: World, endpoint: Record, content: dict[str, Any]) -> Reply:
    """Give a new secret, and say how long the old one goes on.

    Raises:
        Refusal: 422.
    """
    check(content, expire_current_in=WHOLE)
    life = content.get("expire_current_in")
    life = _DEFAULT_LIFE if life is None else life
    if not 0 <= life <= _LONGEST_LIFE:
        name = "expire_current_in"
        raise Refusal(422, "invalid_format", f"0 to {_LONGEST_LIFE}", param=name)
    ends, secret = world.clock.unix() + life, _secret(world)
    world.secrets.add(endpoint["id"], secret, old_ends=ends)
    return ok(
        {
            "id": endpoint["id"],
            "secret": secret,
            "previous_secret_expires_at": world.moment(ends),
        }
    )


def _check(content: dict[str, Any], *names: str) -> None:
    check(content, url=TEXT, events=TEXTS, description=TEXT, status=TEXT)
    if "url" in names and not str(content.get("url", "")).startswith("https://"):
        raise Refusal(422, "invalid_format", "HTTPS only", param="url")
    if "status" in names and content["status"] not in _STATUSES:
        raise Refusal(422, "invalid_format", ", ".join(_STATUSES), param="status")


def _secret(world: World) -> str:
    return PREFIX + base64.b64encode(bytes.fromhex(world.ids.text(64))).decode()
