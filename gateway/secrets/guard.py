"""Checks that host, Vault path and credential belong to the environment. Pure."""

import re
from typing import Final
from urllib.parse import urlsplit

HOSTS: Final = {
    "sandbox": "sandbox.api.dinie.com.br",
    "production": "api.dinie.com.br",
}
# Words in a Vault path that name an environment.
_NAMED: Final = {
    "local": "local",
    "dev": "local",
    "sandbox": "sandbox",
    "test": "sandbox",
    "staging": "sandbox",
    "production": "production",
    "prod": "production",
    "live": "production",
}
_KINDS: Final = (
    ("client_id", "a test client id (dinie_ci_test_…)", "dinie_ci_test_", "test"),
    ("client_id", "a live client id (dinie_ci_live_…)", "dinie_ci_live_", "live"),
    ("client_secret", "a test secret (dinie_cs_test_…)", "dinie_cs_test_", "test"),
    ("client_secret", "a live secret (dinie_cs_live_…)", "dinie_cs_live_", "live"),
)
_WANTED: Final = {"sandbox": "test", "production": "live"}


def check_host(environment: str, base_url: str) -> str | None:
    """Return how the environment and the upstream host disagree; None: they agree."""
    try:
        host = (urlsplit(base_url).hostname or "").lower()
    except ValueError:
        host = ""  # no URL at all
    if environment == "local":
        if is_loopback(host):
            return None
        return (
            f"environment local and upstream host {host!r} disagree: "
            "local may only point at loopback or *.localhost; set DINIE_ENV"
        )
    if host == HOSTS[environment]:
        return None
    return (
        f"environment {environment} and upstream host {host!r} disagree: "
        f"it must be {HOSTS[environment]}"
    )


def check_vault_path(environment: str, path: str) -> str | None:
    """Return how the environment and the Vault path disagree; None: they agree.

    `local` may read any path but production's.
    """
    words = re.split(r"[/_.-]", path.lower())
    named = {_NAMED[word] for word in words if word in _NAMED} - {environment}
    if environment == "local":
        named &= {"production"}
    if not named:
        return None
    return (
        f"environment {environment} and Vault path {path!r} disagree: "
        f"the path names {', '.join(sorted(named))}"
    )


def check_credential(environment: str, client_id: str, client_secret: str) -> list[str]:
    """Return how the environment and a credential's prefixes disagree.

    Args:
        environment: `local`, `sandbox` or `production`.
        client_id: Not repeated in a fault, as the secret.
        client_secret: Of the credential.
    """
    values = {"client_id": client_id, "client_secret": client_secret}
    kinds: dict[str, tuple[str, str]] = {
        field: (kind, name)
        for field, name, prefix, kind in _KINDS
        if values[field].startswith(prefix)
    }
    wanted = _WANTED.get(environment)
    faults = [
        f"environment {environment} and the credential disagree: it is {name}"
        for kind, name in kinds.values()
        if (kind != wanted if wanted else kind == "live")
    ]
    if len({kind for kind, _ in kinds.values()}) > 1:
        faults.append(
            "client_id and client_secret disagree: they are "
            + " and ".join(name for _, name in kinds.values())
        )
    if environment == "production":
        faults += [
            f"environment production and {field} disagree: it has no known prefix "
            "(dinie_ci_live_ or dinie_cs_live_)"
            for field in unknown_prefixes(client_id, client_secret)
        ]
    return faults


def unknown_prefixes(client_id: str, client_secret: str) -> list[str]:
    """Return the fields whose prefix names no environment."""
    values = {"client_id": client_id, "client_secret": client_secret}
    known = {
        field for field, _, prefix, _ in _KINDS if values[field].startswith(prefix)
    }
    if re.fullmatch(r"dinie_ci_[0-9a-f-]+", client_id):
        # The form of the documentation names no environment; the secret's prefix does.
        known.add("client_id")
    return [field for field in values if field not in known]


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only mean this machine."""
    return (
        host == "localhost"
        or host.endswith(".localhost")
        or host == "::1"
        or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
    )
