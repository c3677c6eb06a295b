"""Request ids, and what stands for texts that callers chose."""

import re

import pytest

from gateway.telemetry.ids import RequestIds, digest


def test_a_new_id_is_32_hexadecimal_digits_and_its_own() -> None:
    """One id finds one request in the log, past the end of a pool too."""
    ids = RequestIds()

    given = [ids.new() for _ in range(600)]

    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in given)
    assert len(set(given)) == 600


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("0123456789abcdef", id="16-hex"),
        pytest.param("A" * 64, id="64-hex"),
        pytest.param("9f0c7d1e-3b60-4a9e-8f43-0a2b4c6d8e10", id="uuid"),
        pytest.param("01ARZ3NDEKTSV4RRFFQ69G5FAV", id="ulid"),
    ],
)
def test_a_usable_id_is_ours_as_well(given: str) -> None:
    """The caller's log and the gateway's meet under one id."""
    assert RequestIds().accept(given) == (given, given)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("123.456.789-09", id="cpf"),
        pytest.param("12345678909", id="cpf-digits"),
        pytest.param("0123456789abcde", id="15-hex"),
        pytest.param("a" * 65, id="65-hex"),
        pytest.param("81ARZ3NDEKTSV4RRFFQ69G5FAV", id="no-ulid-above-2-to-128"),
        pytest.param("01ARZ3NDEKTSV4RRFFQ69G5FAU", id="no-ulid-with-u"),
        pytest.param("0123456789abcdef\t", id="trailing-tab"),
        pytest.param("req_42", id="own-scheme"),
    ],
)
def test_any_other_id_is_known_here_by_its_digest(given: str) -> None:
    """It could be a borrower's CPF."""
    own, _ = RequestIds().accept(given)

    assert re.fullmatch("[0-9a-f]{32}", own)
    assert given not in own


def test_an_odd_id_is_echoed_and_has_the_same_digest_each_time() -> None:
    """The caller finds its own, and two lines of one request still meet."""
    ids = RequestIds()

    first, second = ids.accept("req_42"), ids.accept("req_42")

    assert first == second == (digest("req_42", 32), "req_42")


def test_a_long_id_is_echoed_in_part() -> None:
    """Nobody makes our answers grow."""
    _, echoed = RequestIds().accept("x" * 500)

    assert echoed == "x" * 200


@pytest.mark.parametrize("given", ["a\x1fb", "ação", "\udcff"])
def test_an_id_that_cannot_stand_in_a_header_is_replaced(given: str) -> None:
    """An answer carries no bytes that a caller smuggled in."""
    own, echoed = RequestIds().accept(given)

    assert own == echoed
    assert re.fullmatch("[0-9a-f]{32}", own)


@pytest.mark.parametrize("given", [None, ""])
def test_no_id_gets_a_new_one_that_is_shown(given: str | None) -> None:
    """Every answer has an id to ask about, that no other has."""
    own, echoed = RequestIds().accept(given)

    assert own == echoed
    assert len(own) == 32


def test_a_digest_is_the_beginning_of_sha_256() -> None:
    """Whoever has the key can find its lines, with any tool."""
    assert digest("order-1") == "0bafe22156d2"
    assert len(digest("\udcff", 32)) == 32
