"""Who is it? What proves itself counts; a name alone counts from this host."""

import pytest

from gateway.core.secret import Secret
from gateway.identity.options import CallerOptions, IdentityOptions
from gateway.identity.policy import LIFE, Callers, bind, bound_to, whose

TOKENS = {"billing": "gw_" + "b" * 40, "crm": "gw_" + "c" * 40}
NONCE = "0123456789abcdef"


def callers(*known: CallerOptions, service: str = "") -> Callers:
    return Callers(IdentityOptions(callers=known), service=service)


def test_a_token_is_somebodys_or_nobodys() -> None:
    """All are compared, whichever it is."""
    assert whose(TOKENS["crm"], TOKENS.items()) == "crm"
    assert whose(TOKENS["crm"] + "x", TOKENS.items()) is None
    assert whose("gw_é", TOKENS.items()) is None


def test_a_bound_token_stands_for_a_caller_for_a_while() -> None:
    """Any gateway that knows the callers' tokens can tell, also after a restart."""
    made = bind(TOKENS["billing"], until=1000.0, nonce=NONCE)

    assert made.startswith("gw_")
    assert TOKENS["billing"] not in made
    assert bound_to(made, TOKENS.items(), now=1000.0) == "billing"
    assert bound_to(made, TOKENS.items(), now=1001.0) is None
    assert bound_to(made, [("crm", TOKENS["crm"])], now=5.0) is None


def test_a_token_bound_by_a_clock_far_ahead_outlives_no_hour() -> None:
    """Once the clock is right again it would be good for as long as that was ahead."""
    ahead = bind(TOKENS["billing"], until=1000.0 + 86_400.0, nonce=NONCE)
    skewed = bind(TOKENS["billing"], until=1000.0 + LIFE + 60.0, nonce=NONCE)

    found = [bound_to(one, TOKENS.items(), now=1000.0) for one in (ahead, skewed)]

    assert found == [None, "billing"]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made[:-1] + ("0" if made[-1] != "0" else "1"),
        lambda made: made.replace("gw_3e8", "gw_fff"),
        lambda made: made.replace(NONCE, NONCE[::-1]),
        lambda made: made.rpartition(".")[0],
        lambda made: made + "é",
        lambda _: "gw_",
        lambda _: "gw_..",
        lambda _: "gw_zz." + NONCE + "." + "0" * 64,
    ],
)
def test_a_bound_token_that_was_changed_is_nobodys(change: object) -> None:
    """Nobody lives longer, or becomes somebody else, by editing it."""
    made = bind(TOKENS["billing"], until=1000.0, nonce=NONCE)

    assert bound_to(change(made), TOKENS.items(), now=5.0) is None  # type: ignore[operator]


def test_a_token_that_could_be_guessed_or_would_go_to_dinie_is_none() -> None:
    """It is as if it were not there; nobody gets in by it."""
    made = callers(
        CallerOptions(name="a", token="a_token"),
        CallerOptions(name="b", token="b_token"),
        CallerOptions(name="c", token="c_token"),
    )
    fields = {
        "a_token": Secret("short"),
        "b_token": Secret("without-the-prefix-but-long-enough"),
        "c_token": Secret(TOKENS["crm"]),
    }

    assert made.tokens(fields) == [("c", TOKENS["crm"])]
    assert made.without_token(fields) == [("a", "a_token"), ("b", "b_token")]


def test_a_caller_may_have_two_tokens_while_one_replaces_the_other() -> None:
    """Its instances do not change theirs in one moment."""
    made = callers(CallerOptions(name="crm", token="t"))
    old, new = TOKENS["crm"], "gw_" + "n" * 40

    tokens = made.tokens({"t": Secret(f"{new} {old}")})

    assert [whose(one, tokens) for one in (old, new, f"{new} {old}")] == [
        "crm",
        "crm",
        None,
    ]
    assert made.without_token({"t": Secret(f"short {old}")}) == []


@pytest.mark.parametrize(
    ("service", "named", "who"),
    [
        ("", None, "other"),
        ("", "billing", "billing"),
        ("", "stranger", "other"),
        ("sidecar", None, "sidecar"),
        ("sidecar", "sidecar", "sidecar"),
        ("sidecar", "stranger", "other"),
        ("", "", "other"),
    ],
)
def test_a_name_counts_where_it_is_known(
    service: str, named: str | None, who: str
) -> None:
    """Names of strangers would be labels of metrics."""
    made = callers(CallerOptions(name="billing"), service=service)

    assert made.by_name(named) == who


def test_proofs_make_it_strict() -> None:
    """Where somebody can prove who they are, nobody else comes in from outside."""
    assert not callers(CallerOptions(name="a")).have_proofs
    assert callers(CallerOptions(name="a", token="t")).have_proofs
    assert callers(CallerOptions(name="a", subject="s")).have_proofs
    assert callers(CallerOptions(name="a", certificate="c")).have_proofs
    assert callers(CallerOptions(name="a", weight=3.0)).weights == {"a": 3.0}
