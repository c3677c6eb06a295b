"""Builds caller identification: tokens, service accounts and certificates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import structlog

from gateway.config.schema import Config, Upstream
from gateway.core.clock import Clock
from gateway.core.dinie_routes import TOKEN_PATH
from gateway.core.secret import Secret
from gateway.forwarding.spellings import LenientRules, prefixes_of
from gateway.idempotency.scope import Scope
from gateway.identity.local_tokens import IssuedTokens
from gateway.identity.options import IdentityOptions
from gateway.identity.policy import LIFE, Callers, bind, whose
from gateway.identity.ports import Subjects
from gateway.identity.stage import IdentityStage, LocalTokenStage
from gateway.secrets.watcher import SecretWatcher

_log = structlog.get_logger("gateway.identity")
_REASON: Final = (
    "the secrets hold no token for it that begins with gw_ and has 24 characters: "
    "its calls are refused until they do"
)


@dataclass(frozen=True, slots=True)
class CallerIdentification:
    """The stages that know callers, with what the other parts ask about callers."""

    stage: IdentityStage
    local_tokens: LocalTokenStage
    weights: Mapping[str, float]  # of the configured callers, by name
    key_scope: Scope  # whose idempotency keys are the same key


def build_identity(
    config: Config, secrets: SecretWatcher, new_id: Callable[[], str], clock: Clock
) -> CallerIdentification:
    """Return the stages that identify callers, as the configuration names them.

    Args:
        config: Names the callers and their proofs.
        secrets: Hold the callers' tokens, by the field that each names.
        new_id: Returns an id for a local token response.
        clock: Real or fake.
    """
    callers = Callers(config.identity, service=config.service)

    def fields() -> Mapping[str, Secret] | None:
        return None if secrets.current is None else secrets.current.fields

    def bound(shown: str) -> str | None:
        """Return a local token for the caller whose secret is shown; None: unknown."""
        if whose(shown, callers.tokens(fields() or {})) is None:
            return None
        return bind(shown, until=clock.unix() + LIFE, nonce=token_hex(8))

    def log_missing() -> None:
        for name, field in callers.without_token(fields() or {}):
            _log.error("caller_without_token", caller=name, field=field, reason=_REASON)

    if callers.have_tokens:
        secrets.add_listener(log_missing)
    issued = IssuedTokens(clock)
    local = LocalTokenStage(
        new_id,
        issued=issued,
        bind=bound if callers.have_proofs else None,
        spelled=_token_route(config.upstream),
    )
    scope = _key_scope(config, callers)
    stage = IdentityStage(
        callers,
        fields=fields,
        subjects=_subjects(config.identity, clock),
        issued=issued,
        clock=clock,
        own_keys=scope.by_caller,
    )
    return CallerIdentification(stage, local, callers.weights, scope)


def _key_scope(config: Config, callers: Callers) -> Scope:
    """Return whose idempotency keys are the same key."""
    chosen = config.idempotency.scope or (
        "caller" if callers.have_proofs else "gateway"
    )
    return Scope(
        config.idempotency, by_caller=chosen == "caller", shared=bool(callers.names)
    )


def _token_route(upstream: Upstream) -> LenientRules:
    prefixes = prefixes_of(upstream.accepted_prefixes, upstream.base_url)
    return LenientRules((TOKEN_PATH,), prefixes=prefixes)


def _subjects(identity: IdentityOptions, clock: Clock) -> Subjects | None:
    """Return the verifier of service-account tokens; None where none are accepted."""
    if not (identity.jwks_file and identity.issuer and identity.audience):
        return None
    # Imported only where it is used: its library takes long to import.
    from gateway.identity.service_account import ProjectedTokens  # noqa: PLC0415

    return ProjectedTokens(
        identity.jwks_file,
        issuer=identity.issuer,
        audience=identity.audience,
        clock=clock,
        on_event=_log.error,
    )
