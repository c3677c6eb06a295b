"""Replaces the secret that Dinie signs webhooks with; both are valid for a day."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from gateway.core.secret import Secret
from gateway.rotation.context import Context
from gateway.rotation.lock import SKEW, damaged
from gateway.rotation.policy import NONE, REPLAY, moment
from gateway.rotation.ports import EndpointUnknown, NewSecret, StepFailed
from gateway.rotation.rotation import Progress

_TAIL: Final = 300.0  # s after its end in which a delivery may still arrive
_MOST: Final = 3  # secrets that a receiver verifies with


class SeveralEndpoints(Exception):  # noqa: N818 - named for what happened
    """Dinie lists more than one endpoint, and none is configured.

    Attributes:
        ids: Of the endpoints.
    """

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__(f"{len(ids)} endpoints")
        self.ids = ids


class WebhookRotation:
    """One run of `rotate webhook-secret`."""

    def __init__(self, context: Context, *, endpoint: str | None) -> None:
        """Prepare a run.

        Args:
            context: Of this run.
            endpoint: Id of the webhook endpoint; None: the only one that Dinie lists.
        """
        self._context = context
        self._store = context.store
        self._dinie = context.dinie
        self._options = context.options
        self._clock = context.clock
        self._report = context.report
        self._endpoint = endpoint
        self._lock = context.lock()

    async def run(self, *, now: bool = False) -> Progress:
        """Begin if one is due, or continue.

        Args:
            now: Begin although none is due.

        Raises:
            StepFailed: a step failed; it can be repeated.
            SeveralEndpoints: none of several is configured.
            LockHeld: another run is under way.
        """
        async with self._lock:
            if self._phase == "rotating":
                await self._rotate()
            elif self._phase != "overlap":
                due = await self._last_done() + self._options.interval
                known = "webhook_done" in self._lock.webhook
                if not now and not known:
                    return Progress(
                        None, None, "It was never rotated from here: use --now."
                    )
                if not now and due > self._clock.unix():
                    return Progress(None, due, "No rotation is due.")
                await self._begin()
                await self._rotate()
            return await self._finish()

    async def _last_done(self) -> float:
        """Return when the last rotation ended, Unix, s; 0: there was none.

        An end in the future is of a clock that was ahead, and counts as now.
        """
        done, now = self._moment("webhook_done"), self._clock.unix()
        if done <= now + SKEW:
            return done
        await self._lock.write_webhook(
            {**self._lock.webhook, "webhook_done": Secret(f"{now:.0f}")}
        )
        return now

    @property
    def _phase(self) -> str:
        return self._lock.webhook.get("webhook_phase", NONE).reveal()

    def _moment(self, name: str) -> float:
        try:
            return moment({name: self._lock.webhook.get(name, NONE).reveal()}, name)
        except ValueError as error:
            raise StepFailed(damaged(error)) from None

    async def _begin(self) -> None:
        """Store the idempotency key, before the request."""
        endpoint = self._endpoint
        if endpoint is None:
            listed = tuple(await self._dinie.endpoints(await self._context.current()))
            if not listed:
                raise StepFailed("Dinie lists no webhook endpoint.")
            if len(listed) > 1:
                raise SeveralEndpoints(listed)
            endpoint = listed[0]
        await self._lock.write_webhook(
            {
                **self._done,
                "webhook_phase": Secret("rotating"),
                "webhook_id": Secret(self._context.new_id()),
                "webhook_endpoint": Secret(endpoint),
                "webhook_since": Secret(f"{self._clock.unix():.0f}"),
            }
        )

    @property
    def _done(self) -> dict[str, Secret]:
        """Return the fields that the rotation before left."""
        held = self._lock.webhook
        return {name: held[name] for name in ("webhook_done",) if name in held}

    async def _rotate(self) -> None:
        """Have a new secret created, and store it before the old one."""
        if abs(self._clock.unix() - self._moment("webhook_since")) > REPLAY:
            # The key would by now create another one: begin again.
            await self._begin()
        try:
            made = await self._make()
        except EndpointUnknown:
            # Nothing was created: another endpoint may be configured by now.
            await self._lock.write_webhook(self._done)
            raise StepFailed(
                "Dinie does not know the webhook endpoint: set webhooks.endpoint_id "
                "to one that it lists, and begin with --now."
            ) from None
        kept = await self._store.secret()
        held = kept.get("webhook_secret", NONE).reveal()
        old = [one for one in held.split() if one != made.secret.reveal()]
        await self._lock.renew()
        both = " ".join([made.secret.reveal(), *old][:_MOST])
        await self._store.change({"webhook_secret": Secret(both)}, since=kept)
        await self._lock.write_webhook(
            {
                **self._lock.webhook,
                "webhook_phase": Secret("overlap"),
                "webhook_old": Secret(" ".join(map(_digest, old))),
                "webhook_until": Secret(f"{made.old_until + _TAIL:.0f}"),
            }
        )
        self._report("A new webhook secret is stored; Dinie signs with both.")

    async def _make(self) -> NewSecret:
        """Have Dinie create a secret, under the stored key."""
        held = self._lock.webhook
        for name in ("webhook_endpoint", "webhook_id"):
            if not held.get(name):
                raise StepFailed(damaged(ValueError(f"{name} is missing")))
        return await self._dinie.rotate_webhook(
            await self._context.current(),
            held["webhook_endpoint"].reveal(),
            key=f"rotation-webhook-{held['webhook_id'].reveal()}",
        )

    async def _finish(self) -> Progress:
        """Remove the old secret, once Dinie does not sign with it any more."""
        until = self._moment("webhook_until")
        if until > self._clock.unix():
            message = "Dinie still signs with both secrets."
            return Progress(None, until, message, under_way=True)
        kept = await self._store.secret()
        ended = self._lock.webhook.get("webhook_old", NONE).reveal().split()
        # A secret that was added by hand meanwhile stays.
        held = kept.get("webhook_secret", NONE).reveal().split()
        stays = [one for one in held if _digest(one) not in ended]
        if stays and stays != held:
            await self._lock.renew()
            await self._store.change(
                {"webhook_secret": Secret(" ".join(stays))}, since=kept
            )
        await self._lock.write_webhook(
            {"webhook_done": Secret(f"{self._clock.unix():.0f}")}
        )
        return Progress(None, None, "The old webhook secret is gone.")


def describe(fields: Mapping[str, Secret]) -> tuple[str, float | None]:
    """Return the state in words that a moment ends, and that moment, Unix.

    Raises:
        ValueError: the state cannot be read.
    """
    text = {name: value.reveal() for name, value in fields.items()}
    if text.get("webhook_phase") == "rotating":
        message, name = "A new webhook secret is asked for, since", "webhook_since"
    elif text.get("webhook_phase") == "overlap":
        message, name = "Both webhook secrets are good, until", "webhook_until"
    elif "webhook_done" in text:
        message, name = "The webhook secret was last replaced on", "webhook_done"
    else:
        return "The webhook secret was never replaced from here.", None
    return message, moment(text, name)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
