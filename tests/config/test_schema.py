"""Each setting accepts what can work, and nothing else."""

from contextlib import nullcontext
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.schema import Config, Secrets, Upstream, check_url
from gateway.inbox.options import InboxOptions, SubscriberOptions


def upstream(**values: Any) -> Upstream:
    """Return the section with a base URL that works unless another is given."""
    return Upstream.model_validate({"base_url": "http://localhost/v3"} | values)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("http://localhost", "http://localhost", id="host only"),
        pytest.param("https://h.example/v3/", "https://h.example/v3", id="slash cut"),
        pytest.param("http://[::1]:9400/v3", "http://[::1]:9400/v3", id="IPv6"),
        pytest.param("HTTP://localhost", "HTTP://localhost", id="capitals"),
    ],
)
def test_a_base_url_is_kept_without_its_last_slash(given: str, kept: str) -> None:
    """The path is put behind it: two slashes would be another resource."""
    assert upstream(base_url=given).base_url == kept


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("ftp://h", "http or https", id="scheme"),
        pytest.param("localhost:9400", "http or https", id="no scheme"),
        pytest.param("http://", "with a host", id="no host"),
        pytest.param("http://[::1", "with a host", id="broken IPv6"),
        pytest.param("http://h:port", "with a host", id="port is a word"),
        pytest.param("http://h?", "no query", id="empty query"),
        pytest.param("http://h#a", "no query", id="fragment"),
        pytest.param("http://hush@h", "credentials", id="credentials"),
        pytest.param("http://h/a b", "plain ASCII", id="blank"),
        pytest.param("http://h/é", "plain ASCII", id="accent"),
        pytest.param("http://h/\x7f", "plain ASCII", id="control"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_being_repeated(
    url: str, says: str
) -> None:
    """A password may be inside; the sentence goes to a log."""
    with pytest.raises(ValueError, match=says) as caught:
        check_url(url, name="x")

    assert url.removeprefix("http://") == "" or url not in str(caught.value)
    assert "hush" not in repr(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("kv_mount", "secret", id="mount"),
        pytest.param("kv_mount", "team/kv", id="mount of two segments"),
        pytest.param("path", "dinie/production", id="path"),
        pytest.param("path", "a b/c.d_e-f~", id="odd but plain"),
        pytest.param("path", "..a/b..", id="dots beside letters"),
    ],
)
def test_a_vault_path_of_plain_segments_is_taken(field: str, value: str) -> None:
    """What Vault's own tools can write can be read."""
    vault = {"path": "p", field: value}

    made = Secrets.model_validate({"provider": "env", "vault": vault})

    assert getattr(made.vault, field) == value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("/a", id="slash in front"),
        pytest.param("a/", id="slash behind"),
        pytest.param("a//b", id="empty segment"),
        pytest.param("a/../b", id="up"),
        pytest.param("./a", id="here"),
        pytest.param("..", id="only up"),
        pytest.param("a?version=1", id="query"),
        pytest.param("a%2fb", id="encoded"),
        pytest.param("a\n", id="line end"),
        pytest.param("", id="nothing"),
    ],
)
@pytest.mark.parametrize("field", ["kv_mount", "path"])
def test_a_vault_path_that_could_lead_elsewhere_is_refused(
    field: str, value: str
) -> None:
    """The policy was written for one path; ours must be that one."""
    vault = {"path": "p", field: value}

    with pytest.raises(ValidationError, match=f"secrets.vault.{field} must be a path"):
        Secrets.model_validate({"provider": "env", "vault": vault})


@pytest.mark.parametrize(
    "section",
    [
        pytest.param({"drain": {"accept": -1}}, id="negative seconds"),
        pytest.param({"drain": {"finish": float("inf")}}, id="endless"),
        pytest.param({"deadline": {"total": 0}}, id="no time at all"),
        pytest.param({"upstream": {"base_url": "http://h", "pool_size": 0}}, id="0"),
        pytest.param({"service": "x" * 64}, id="label too long"),
        pytest.param({"service": "a\nb"}, id="label of two lines"),
        pytest.param({"drain": {"soon": 1}}, id="unknown key"),
        pytest.param({"deadline": {"soon": 1}}, id="unknown key of a room"),
        pytest.param({"radar": {}}, id="unknown section"),
    ],
)
def test_a_value_out_of_range_is_refused(section: dict[str, Any]) -> None:
    """Found before the listener opens, not by the first caller."""
    whole = {"environment": "local", "upstream": {"base_url": "http://h"}} | section

    with pytest.raises(ValidationError):
        Config.model_validate(whole)


def test_an_error_never_holds_what_was_put_in() -> None:
    """A secret in the wrong place would reach the log by way of the validator."""
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(
            {
                "environment": "local",
                "upstream": {"base_url": "http://h", "pool_size": "hush-1"},
                "drain": {"accept": "hush-2"},
                "telemetry": {"log_level": "hush-3"},
            }
        )

    assert "hush" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("timeout", "lease", "fault"),
    [(50.0, 60.0, False), (50.1, 60.0, True), (5.0, 14.9, True), (60.0, 70.0, False)],
)
def test_a_lease_outlives_the_tries_that_it_is_for(
    timeout: float, lease: float, *, fault: bool
) -> None:
    """Another gateway on the same file would make a try that is still under way."""
    webhooks = InboxOptions(
        lease=lease,
        subscribers=(
            SubscriberOptions(name="a", url="http://x", events=("*",), timeout=timeout),
        ),
    )

    with (
        pytest.raises(ValueError, match="10 s or more below")
        if fault
        else nullcontext()
    ):
        Config._deliverable(webhooks)
