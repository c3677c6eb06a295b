"""`python -m tests.soak`: what holds for a minute, does it hold for five?

Vault's token lives for 2 s, a new credential comes every 3 s, and 200 requests per
second go through a real gateway for 30 s; then the same with Vault sealed for 9 s in
the middle. Afterwards everything that the gateway said is searched for every secret.
At last 20,000 webhooks go through a gateway that is killed 200 times.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e.killing import deliver_under_fire
from tests.e2e.rotating import Rotating, rotating
from tests.e2e.test_rotation_in_traffic import (
    Traffic,
    check_nothing_leaked,
    credential,
    traffic,
)

_RATE = 200  # requests/s
_ROUNDS = 10
_EVERY = 3.0  # s between two credentials
_TOKEN_LIFE = 2  # s, of Vault's
_SEALED = range(4, 7)  # rounds
_EVENTS, _KILLS = 20_000, 200


async def _changing(world: Rotating, *, outage: bool) -> None:
    """Put a new credential in force, again and again."""
    known = world.dinie._routes._credentials
    for number in range(_ROUNDS):
        await asyncio.sleep(_EVERY)
        known._add(*credential(number), "soak", None)
        client_id, secret = credential(number)
        world.vault.put(client_id=client_id, client_secret=secret)
        world.vault.sealed = outage and number in _SEALED
    await asyncio.sleep(_EVERY / 2)


async def _soak(folder: Path, *, outage: bool) -> tuple[Traffic, int]:
    """Return the traffic, and how many credentials were used."""
    async with rotating(rate_limit=10_000_000) as world:
        world.vault.ttl = _TOKEN_LIFE
        settings = world.approle(folder)
        settings["GATEWAY__SECRETS__VAULT__REFRESH"] = "1"
        async with traffic(world, folder, settings, rate=_RATE) as (gateway, sender):
            await _changing(world, outage=outage)
        check_nothing_leaked(world, gateway.output)
        known = world.dinie._routes._credentials.all()
        return sender, sum(one["last_used_at"] is not None for one in known)


def _secrets(folder: Path) -> int:
    """Print what came of changing secrets; return how many requests failed."""
    failed = 0
    for outage in (False, True):
        where = folder / f"outage-{outage}"
        where.mkdir()
        sender, used = asyncio.run(_soak(where, outage=outage))
        said = "with Vault sealed for 9 s" if outage else "Vault well"
        print(
            f"{said}: {sender.sent} requests, {len(sender.failed)} failed, "
            f"{used} credentials used"
        )
        for line in sender.failed[:5]:
            print("  " + line)
        failed += len(sender.failed)
    return failed


def _inbox(folder: Path) -> int:
    """Print what came of killing the inbox; return how many deliveries are missing."""
    outcome = asyncio.run(
        deliver_under_fire(folder / "inbox", events=_EVENTS, kills=_KILLS)
    )
    print(outcome.report())
    lost = [outcome.acknowledged - set(one.seen) for one in outcome.consumers]
    return sum(map(len, lost)) + len(outcome.emitted - outcome.acknowledged)


def main() -> int:
    """Print what came of it; 1 where something failed."""
    with tempfile.TemporaryDirectory(prefix="dinie-soak-") as folder:
        failed = _secrets(Path(folder)) + _inbox(Path(folder))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
