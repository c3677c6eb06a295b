"""The conditions of readiness, each with the reason that `/readyz` shows."""

from functools import partial

from gateway.admission.spool import Spool
from gateway.app.inbox import WebhookInbox
from gateway.app.listeners import Listeners
from gateway.credentials.token_source import TokenSource
from gateway.secrets.watcher import SecretWatcher
from gateway.server.certificates import Certificates
from gateway.server.health import Check, Health


def add_checks(
    health: Health,
    *,
    secrets: SecretWatcher,
    tokens: TokenSource,
    listeners: Listeners,
    spool: Spool,
    inbox: WebhookInbox | None,
) -> None:
    """Add every condition under the name that `/readyz` and the metric give it.

    Args:
        health: Takes the conditions.
        secrets: Must have been read once.
        tokens: Must have had a token once.
        listeners: Their socket files must still be there, and new certificates good.
        spool: Must be able to keep large bodies.
        inbox: Must be able to keep webhooks; None where none are received.
    """
    health.add("secrets", partial(secrets_check, secrets))
    health.add("token", partial(token_check, tokens))
    if listeners.certificates.context is not None:
        health.add("certificate", partial(certificate_check, listeners.certificates))
    health.add("listeners", listeners.check)
    health.add("spill", partial(spool_check, spool))
    if inbox is not None:
        health.add("inbox", inbox.check)


def secrets_check(secrets: SecretWatcher) -> Check:
    """Return whether secrets are held, and what is wrong with the last read."""
    if secrets.current is not None:
        return Check(ok=True, reason=secrets.last_error or "read")
    return Check(ok=False, reason=secrets.last_error or "not read yet")


def token_check(tokens: TokenSource) -> Check:
    """Return whether a token was ever obtained.

    Latched: an outage of the token endpoint is no reason to hide the gateway.
    """
    reason = "a token was obtained" if tokens.ever_had_one else tokens.state
    if (left := tokens.cooldown_left) > 0:
        reason += f"; the token endpoint asks to wait {left:.0f} s more (Retry-After)"
    return Check(ok=tokens.ever_had_one, reason=reason)


def certificate_check(certificates: Certificates) -> Check:
    """Return whether the newest files are used; never unready, the old ones serve."""
    return Check(ok=True, reason=certificates.trouble or "in use")


def spool_check(spool: Spool) -> Check:
    """Return whether bodies over 1 MiB can be kept."""
    if spool.trouble is not None:
        return Check(ok=False, reason=spool.trouble)
    return Check(ok=True, reason=f"{spool.folder} can be written")
