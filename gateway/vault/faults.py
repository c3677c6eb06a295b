"""Turns a failed call to Vault into an error that says what to do.

Texts of Vault and of the libraries are never repeated, since they may hold secrets.
"""

from dataclasses import dataclass
from typing import Final, Literal

import requests
from hvac import exceptions

from gateway.secrets.ports import SecretsUnavailable

_LAGS: Final = 412
_THROTTLED: Final = 429
_STANDBY: Final = frozenset({472, 473})
_MALFORMED: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
# Newer versions say "permission denied" in all three cases.
_MAYBE_LOCKED: Final = (
    "; a 403 can also mean that the role is locked out after refused logins (15 "
    "minutes from the last one; vault read sys/locked-users), or that nothing is "
    "mounted there (secrets.vault.auth.mount)"
)


@dataclass(frozen=True, slots=True)
class Call:
    """The call that failed, as far as an error may show it."""

    kind: Literal["login", "token", "read", "metadata", "write"]
    place: str  # the API path without /v1/
    address: str
    timeout: float  # s
    hint: str = "check secrets.vault.auth"  # for a refused login


def explain(
    error: Exception, call: Call, status: int | None = None
) -> SecretsUnavailable:
    """Return the error of a failed call.

    Args:
        error: Of hvac or its HTTP client.
        call: Which call.
        status: Of Vault's response; None: there was none.
    """
    if isinstance(error, exceptions.VaultError):
        return _responded(error, call, status)
    if isinstance(error, TimeoutError | requests.Timeout):
        return SecretsUnavailable(
            "timeout",
            f"Vault at {call.address} did not answer within {call.timeout:g} s: "
            "is it up, and does the network let us through?",
        )
    # A JSONDecodeError is both a ValueError and an OSError.
    if isinstance(error, _MALFORMED):
        return malformed(call)
    if isinstance(error, requests.exceptions.SSLError):
        return SecretsUnavailable(
            "unreachable",
            f"the certificate of Vault at {call.address} is not trusted: "
            "set secrets.vault.ca_file or VAULT_CACERT",
        )
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return SecretsUnavailable(
            "unreachable", "the file in secrets.vault.ca_file cannot be used"
        )
    return SecretsUnavailable(
        "unreachable",
        f"Vault at {call.address} cannot be reached: "
        "check secrets.vault.address and the network",
    )


def malformed(call: Call) -> SecretsUnavailable:
    """Return the error for a response that is not Vault's."""
    return SecretsUnavailable(
        "malformed",
        f"what answers at {call.address} for {call.place} does not speak like Vault: "
        "check secrets.vault.address",
    )


def redirected(call: Call) -> SecretsUnavailable:
    """Return the error for a redirect."""
    return SecretsUnavailable(
        "unreachable",
        f"Vault at {call.address} redirects, and a token is not sent on: "
        "set secrets.vault.address to the active node",
    )


def deleted(call: Call, gone: str = "deleted") -> SecretsUnavailable:
    """Return the error for a secret whose newest version is deleted or destroyed."""
    way = "write a new one" if gone == "destroyed" else "undelete it or write a new one"
    return SecretsUnavailable(
        "not_found", f"the newest version of {call.place} is {gone}: {way}"
    )


def _responded(
    error: exceptions.VaultError, call: Call, status: int | None
) -> SecretsUnavailable:
    # Behind a proxy that changes the content type hvac has only the text.
    text = f"{error.errors or ''} {error.text or ''}".lower()
    if isinstance(error, exceptions.VaultDown) and "sealed" in text:
        return SecretsUnavailable(
            "sealed", f"Vault at {call.address} is sealed: unseal it"
        )
    if isinstance(error, exceptions.InvalidPath):
        return _missing(error, text, call)
    invalid = isinstance(error, exceptions.InvalidRequest)
    if invalid or isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        refusal = _refused(text, call, invalid=invalid)
        if refusal is not None:
            return refusal
    return _failing(text, call, status)


def _refused(text: str, call: Call, *, invalid: bool) -> SecretsUnavailable | None:
    """Return the error for a refusal; None: it has another cause."""
    if call.kind == "login":
        more = "" if invalid or not call.place.startswith("auth/") else _MAYBE_LOCKED
        return SecretsUnavailable(
            "login", f"Vault refuses the login at {call.place}: {call.hint}{more}"
        )
    if invalid and call.kind == "token":
        # Vault says so of a token that is not renewable, and of none at all.
        return SecretsUnavailable("permission", f"Vault refuses {call.place}")
    if invalid and call.kind == "write" and "check-and-set" in text:
        return _conflict(call)
    return None if invalid else _denied(call)


def _conflict(call: Call) -> SecretsUnavailable:
    return SecretsUnavailable(
        "conflict", f"somebody else wrote {call.place} in between: look, and run again"
    )


def _denied(call: Call) -> SecretsUnavailable:
    capability = "`create` or `update`" if call.kind == "write" else "`read`"
    return SecretsUnavailable(
        "permission",
        f"Vault refuses {call.place}: the token is invalid or expired, or its "
        f"policy lacks the capability {capability} on {call.place}",
    )


def _failing(text: str, call: Call, status: int | None) -> SecretsUnavailable:
    """Return the error of a Vault that fails, and may recover."""
    seen = f"Vault at {call.address} answered {call.place} with {status or 'an error'}"
    if status in _STANDBY or "not active" in text or "no active" in text:
        return SecretsUnavailable(
            "standby",
            f"{seen}: that node is a standby without a leader; wait for the election, "
            "or set secrets.vault.address to the active node",
        )
    if status == _LAGS:
        return SecretsUnavailable(
            "standby", f"{seen}: that node lags behind its leader; it is asked again"
        )
    if status == _THROTTLED:
        return SecretsUnavailable(
            "throttled",
            f"{seen}: its rate limit quota is used up; raise the quota for this path",
        )
    if call.kind == "login":
        return SecretsUnavailable(
            "unreachable",
            f"{seen}: it could not judge the login; look at Vault's own log, and "
            f"{call.hint}",
        )
    return SecretsUnavailable("unreachable", f"{seen}: look at Vault's own log")


def _missing(error: exceptions.VaultError, text: str, call: Call) -> SecretsUnavailable:
    if call.kind == "login":
        return SecretsUnavailable(
            "login",
            f"nothing is mounted at {call.place}: check secrets.vault.auth.mount",
        )
    body = error.json if isinstance(error.json, dict) else {}
    if "no handler for route" in text or "versioned" in str(body.get("warnings")):
        return SecretsUnavailable(
            "not_found",
            f"no KV engine of this version answers {call.place}: "
            "check secrets.vault.kv_mount and secrets.vault.kv_version",
        )
    return SecretsUnavailable(
        "not_found",
        f"nothing is at {call.place}: write client_id and client_secret there",
    )
