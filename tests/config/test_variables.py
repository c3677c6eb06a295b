"""Environment variables: one that only looks like a setting is a fault."""

import pytest

from gateway.config.variables import empty, misspelt, written_twice

KNOWN = ("service", "retry.attempts", "upstream.base_url", "listen.proxy")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GATEWAY_RETRY_ATTEMPTS", "GATEWAY__RETRY__ATTEMPTS"),
        ("GATEWAY_RETRY__ATTEMPTS", "GATEWAY__RETRY__ATTEMPTS"),
        ("GATEWAY_UPSTREAM_BASE_URL", "GATEWAY__UPSTREAM__BASE_URL"),
        ("GATEWAY_SERVICE", "GATEWAY__SERVICE"),
        ("gateway__retry__attempts", "GATEWAY__RETRY__ATTEMPTS"),
        ("Gateway_Config_Dir", "GATEWAY_CONFIG_DIR"),
    ],
)
def test_a_near_miss_is_a_fault_that_names_the_right_one(name: str, meant: str) -> None:
    """The gateway would run with a default while its operator believes otherwise."""
    (found,) = misspelt({name: "7"}, KNOWN)

    assert (found.key, found.message) == (name, f"is ignored; did you mean {meant}?")


def test_a_near_miss_of_no_known_key_names_the_form() -> None:
    """A typo in a section that there is was meant for the gateway."""
    (found,) = misspelt({"GATEWAY_RETRY_ATEMPT": "7"}, KNOWN)

    assert found.message.endswith("settings are named GATEWAY__SECTION__KEY")


@pytest.mark.parametrize(
    "name",
    [
        "GATEWAY_CONFIG_DIR",
        "GATEWAY__RETRY__ATTEMPTS",
        "GATEWAY__RETRY__ATEMPTS",  # the loader's own fault, with its own text
        "GATEWAY_SERVICE_HOST",
        "GATEWAY_SERVICE_PORT_HTTP",
        "GATEWAY_PORT",
        "GATEWAY_PORT_8080_TCP_ADDR",
        "GATEWAY_LISTEN_SERVICE_HOST",
        "GATEWAY_LISTEN_PORT_8080_TCP",
        "GATEWAY_INTERFACE",
        "API_GATEWAY_RETRY_ATTEMPTS",
        "PATH",
    ],
)
def test_what_others_put_there_is_no_fault(name: str) -> None:
    """Kubernetes writes variables for each Service; one may be called gateway."""
    assert list(misspelt({name: "7"}, KNOWN)) == []


def test_two_spellings_of_one_key_are_a_fault() -> None:
    """Which of them counted would depend on the alphabet."""
    (found,) = written_twice(
        {"GATEWAY__RETRY__ATTEMPTS": "1", "GATEWAY__RETRY__attempts": "2"}
    )

    assert (found.key, found.message) == (
        "GATEWAY__RETRY__attempts",
        "sets the same key as GATEWAY__RETRY__ATTEMPTS",
    )


@pytest.mark.parametrize("value", ["", "  "])
@pytest.mark.parametrize("name", ["DINIE_ENV", "GATEWAY_CONFIG_DIR"])
def test_an_empty_variable_is_a_fault(name: str, value: str) -> None:
    """A template that was not filled in must not choose the environment."""
    (found,) = empty({name: value})

    assert (found.key, found.message) == (
        name,
        "is set but empty; set a value or unset it",
    )


def test_an_unset_variable_is_no_fault() -> None:
    """On a laptop nothing has to be set."""
    assert list(empty({})) == []
