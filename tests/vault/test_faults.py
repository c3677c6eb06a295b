"""The error of every failure of Vault says what to do, and holds no secret."""

import pytest
import requests
from hvac import exceptions
from requests.exceptions import SSLError

from gateway.secrets.ports import Reason
from gateway.vault.faults import Call, deleted, explain, malformed, redirected

ADDRESS = "https://vault.internal:8200"
READ = Call("read", "secret/data/dinie/local", ADDRESS, 5.0)
HINT = "check role_id_file and secret_id_file"
LOGIN = Call("login", "auth/approle/login", ADDRESS, 5.0, HINT)
TOKEN = Call("token", "auth/token/renew-self", ADDRESS, 5.0)
METADATA = Call("metadata", "secret/metadata/dinie/local", ADDRESS, 5.0)


STATUS = {
    exceptions.InvalidRequest: 400,
    exceptions.Unauthorized: 401,
    exceptions.Forbidden: 403,
    exceptions.InvalidPath: 404,
    exceptions.RateLimitExceeded: 429,
    exceptions.InternalServerError: 500,
    exceptions.VaultNotInitialized: 501,
    exceptions.BadGateway: 502,
    exceptions.VaultDown: 503,
    exceptions.UnexpectedError: 412,
}


def answered(kind: type[exceptions.VaultError], *texts: str) -> exceptions.VaultError:
    """Return what hvac raises for an answer with these errors."""
    return kind("hush", errors=list(texts), text="", method="get", url="hush")


@pytest.mark.parametrize(
    ("error", "call", "reason", "says"),
    [
        pytest.param(
            answered(exceptions.Forbidden, "permission denied"),
            READ,
            "permission",
            "capability `read` on secret/data/dinie/local",
            id="a read is denied",
        ),
        pytest.param(
            answered(exceptions.Unauthorized),
            METADATA,
            "permission",
            "secret/metadata/dinie/local",
            id="metadata asks for a token",
        ),
        pytest.param(
            answered(exceptions.VaultDown, "error performing token check: sealed"),
            READ,
            "sealed",
            "unseal it",
            id="sealed",
        ),
        pytest.param(
            answered(exceptions.VaultDown, "maintenance"),
            READ,
            "unreachable",
            "answered secret/data/dinie/local with 503",
            id="down, not sealed",
        ),
        pytest.param(
            answered(exceptions.VaultNotInitialized),
            READ,
            "unreachable",
            "with 501",
            id="not initialised",
        ),
        pytest.param(
            answered(exceptions.BadGateway), READ, "unreachable", "502", id="proxy"
        ),
        pytest.param(
            answered(exceptions.UnexpectedError),
            READ,
            "standby",
            "lags behind its leader",
            id="412",
        ),
        pytest.param(
            answered(exceptions.RateLimitExceeded),
            READ,
            "throttled",
            "raise the quota",
            id="429",
        ),
        pytest.param(
            answered(exceptions.InternalServerError, "local node not active but x"),
            READ,
            "standby",
            "set secrets.vault.address to the active node",
            id="no leader",
        ),
        pytest.param(
            answered(exceptions.InvalidPath),
            READ,
            "not_found",
            "write client_id and client_secret there",
            id="nothing written yet",
        ),
        pytest.param(
            answered(exceptions.InvalidPath, "no handler for route 'x'"),
            READ,
            "not_found",
            "check secrets.vault.kv_mount",
            id="no such mount",
        ),
        pytest.param(
            answered(exceptions.InvalidPath, "no handler for route 'auth/x'"),
            LOGIN,
            "login",
            "check secrets.vault.auth.mount",
            id="no such login",
        ),
        pytest.param(
            answered(exceptions.InvalidRequest, "invalid secret id"),
            LOGIN,
            "login",
            "check role_id_file and secret_id_file",
            id="wrong secret id",
        ),
        pytest.param(
            answered(exceptions.Forbidden, "permission denied"),
            LOGIN,
            "login",
            "check role_id_file and secret_id_file",
            id="login is denied",
        ),
        pytest.param(
            answered(exceptions.InternalServerError),
            LOGIN,
            "unreachable",
            "with 500",
            id="login fails inside Vault",
        ),
        pytest.param(
            answered(exceptions.InvalidRequest, "lease is not renewable"),
            TOKEN,
            "permission",
            "refuses auth/token/renew-self",
            id="cannot be renewed",
        ),
    ],
)
def test_an_answer_of_vault_becomes_a_reason_and_a_sentence(
    error: Exception, call: Call, reason: Reason, says: str
) -> None:
    """The reason is a metric's label; the sentence is all an operator gets."""
    found = explain(error, call, STATUS.get(type(error)))

    assert (found.reason, says in found.detail) == (reason, True), found.detail
    assert "hush" not in found.detail


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        pytest.param(
            requests.ReadTimeout("hush"), "timeout", "within 5 s", id="no answer"
        ),
        pytest.param(TimeoutError("hush"), "timeout", "within 5 s", id="a drip"),
        pytest.param(
            requests.ConnectionError("hush"),
            "unreachable",
            "check secrets.vault.address",
            id="nothing listens",
        ),
        pytest.param(
            SSLError("hush"), "unreachable", "is not trusted", id="unknown CA"
        ),
        pytest.param(
            OSError("hush"), "unreachable", "secrets.vault.ca_file", id="no CA file"
        ),
        pytest.param(
            requests.exceptions.JSONDecodeError("hush", "hush", 0),
            "malformed",
            "does not speak like Vault",
            id="no JSON",
        ),
        pytest.param(KeyError("hush"), "malformed", "Vault", id="odd JSON"),
        pytest.param(
            RuntimeError("hush"), "unreachable", "cannot be reached", id="anything else"
        ),
    ],
)
def test_a_failure_on_the_way_becomes_a_reason_and_a_sentence(
    error: Exception, reason: Reason, says: str
) -> None:
    """Texts of libraries hold URLs and bodies: only ours are said."""
    found = explain(error, READ)

    assert (found.reason, says in found.detail) == (reason, True), found.detail
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("<h1>Vault is sealed</h1>", "sealed", id="proxy's own form"),
        pytest.param("<h1>Service unavailable</h1>", "unreachable", id="no word of it"),
    ],
)
def test_sealed_is_seen_in_a_text_without_json(text: str, reason: Reason) -> None:
    """Some proxies change the content type, and hvac then parses nothing."""
    error = exceptions.VaultDown("hush", errors=None, text=text)

    assert explain(error, READ).reason == reason


def test_a_path_of_the_other_version_is_told_from_an_empty_one() -> None:
    """Vault says 404 to both; only a warning tells them apart."""
    body = {"warnings": ["Invalid path for a versioned K/V secrets engine."]}
    error = exceptions.InvalidPath("hush", errors=[], text="", json=body)

    assert "secrets.vault.kv_version" in explain(error, READ).detail


@pytest.mark.parametrize("status", [472, 473])
def test_a_standby_is_told_by_its_status(status: int) -> None:
    """Hvac has no class for these."""
    error = answered(exceptions.UnexpectedError)

    assert explain(error, READ, status).reason == "standby"


def test_what_is_no_failure_of_vault_names_its_place_too() -> None:
    """These come from answers with status 200."""
    assert (deleted(READ).reason, "undelete" in deleted(READ).detail) == (
        "not_found",
        True,
    )
    assert (malformed(READ).reason, READ.place in malformed(READ).detail) == (
        "malformed",
        True,
    )
    assert (redirected(READ).reason, ADDRESS in redirected(READ).detail) == (
        "unreachable",
        True,
    )
