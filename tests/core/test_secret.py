"""secret: printing one by accident shows nothing."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gateway.core.secret import Secret

TEXT = "made-up-and-telling"


@dataclass
class _Holder:
    held: Secret


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(str, id="str"),
        pytest.param(repr, id="repr"),
        pytest.param(lambda secret: f"{secret}", id="f-string"),
        pytest.param(lambda secret: f"{secret:>40}", id="format-spec"),
        pytest.param(lambda secret: f"{secret!r}", id="f-repr"),
        pytest.param(lambda secret: "%s" % (secret,), id="percent"),  # noqa: UP031
        pytest.param(lambda secret: repr([secret]), id="list"),
        pytest.param(lambda secret: repr(_Holder(secret)), id="dataclass"),
        pytest.param(lambda secret: repr(ValueError(secret)), id="exception"),
    ],
)
def test_no_way_of_printing_shows_it(show: Callable[[Secret], str]) -> None:
    """Logs and tracebacks are read by more people than the vault."""
    shown = show(Secret(TEXT))

    assert TEXT not in shown
    assert "[redacted]" in shown


def test_reveal_is_the_way_out() -> None:
    """An adapter has to send it after all."""
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize(
    "take",
    [
        pytest.param(pickle.dumps, id="pickle"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_it_cannot_leave_the_process(take: Callable[[Secret], object]) -> None:
    """A serialised secret is an unmasked one."""
    secret = Secret(TEXT)

    with pytest.raises(TypeError, match="cannot be serialised"):
        take(secret)


def test_secrets_compare_by_what_they_hold() -> None:
    """A re-read secret is a change only when its text is."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_an_empty_secret_is_falsy() -> None:
    """An empty file is no credential."""
    assert not Secret("")
    assert Secret("x")
