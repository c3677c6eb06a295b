"""How do the parts that tell callers apart become one?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import structlog

from gateway.config.schema import Config
from gateway.core.clock import Clock
from gateway.core.dinie_routes import TOKEN_PATH
from gateway.core.secret import Secret
from gateway.forwarding.spellings import LenientRules, prefixes_of
from gateway.idempotency.scope import Scope
from gateway.identity.local_tokens import (
    IssuedTokens,
    LocalTokenStage,
    asks_for_token,
)
from gateway.identity.policy import LIFE, Callers, bind, whose
from gateway.identity.ports import Subjects
from gateway.identity.stage import IdentityStage
from gateway.secrets.watcher import SecretKeeper

_log = structlog.get_logger("gateway.identity")
_NONE: Final = (
    "the secrets hold no token for it that begins with gw_ and has 24 characters: "
    "its calls are refused until they do"
)


@dataclass(frozen=True, slots=True)
class Introductions:
    """The stages that know callers, the callers' weights, and whose keys are whose."""

    stage: IdentityStage
    local_tokens: LocalTokenStage
    weights: Mapping[str, float]
    key_scope: Scope


def build_identity(
    config: Config, secrets: SecretKeeper, new_id: Callable[[], str], clock: Clock
) -> Introductions:
    """Return what tells callers apart, as the configuration has them."""
    callers = Callers(config.identity, service=config.service)

    def fields() -> Mapping[str, Secret] | None:
        return None if secrets.current is None else secrets.current.fields

    def bound(shown: str) -> str | None:
        """Return a token for the caller whose secret is shown; None: it is nobody's."""
        name = whose(shown, callers.tokens(fields() or {}))
        if name is None:
            return None
        # It was compared, and found: it is the caller's own.
        return bind(shown, until=clock.unix() + LIFE, nonce=token_hex(8))

    def look() -> None:
        for name, field in callers.without_token(fields() or {}):
            _log.error("caller_without_token", caller=name, field=field, reason=_NONE)

    if callers.have_tokens:
        secrets.add_listener(look)
    issued = IssuedTokens(clock)
    local = LocalTokenStage(
        new_id,
        issued=issued,
        bind=bound if callers.strict else None,
        spelled=_token_route(config),
    )
    scope = _key_scope(config, callers)
    stage = IdentityStage(
        callers,
        fields=fields,
        subjects=_subjects(config, clock),
        issued=issued,
        asks_for_token=asks_for_token,
        clock=clock,
        own_keys=scope.by_caller,
    )
    return Introductions(stage, local, callers.weights, scope)


def _key_scope(config: Config, callers: Callers) -> Scope:
    """Return whose idempotency keys are the same key."""
    chosen = config.idempotency.scope or ("caller" if callers.strict else "gateway")
    return Scope(
        config.idempotency, by_caller=chosen == "caller", shared=bool(callers.names)
    )


def _token_route(config: Config) -> LenientRules:
    upstream = config.upstream
    prefixes = prefixes_of(upstream.accepted_prefixes, upstream.base_url)
    return LenientRules((TOKEN_PATH,), prefixes=prefixes)


def _subjects(config: Config, clock: Clock) -> Subjects | None:
    """Return what verifies service-account tokens; None where none are taken."""
    identity = config.identity
    if not (identity.jwks_file and identity.issuer and identity.audience):
        return None
    # Its library takes a while to import; only who uses it pays.
    from gateway.identity.service_account import ProjectedTokens  # noqa: PLC0415

    return ProjectedTokens(
        identity.jwks_file,
        issuer=identity.issuer,
        audience=identity.audience,
        clock=clock,
        on_event=_log.error,
    )
