"""Kept: faster for what comes often, and bounded for what never comes again."""

from gateway.core.target_cache import LONGEST, MOST, Kept


def test_what_was_worked_out_is_found_again() -> None:
    """That is what it is for."""
    kept: Kept[int] = Kept()

    given = kept.keep("/banks", 1)

    assert (given, kept.get("/banks"), kept.get("/loans")) == (1, 1, None)


def test_a_caller_cannot_fill_the_memory() -> None:
    """Ids in paths make targets that come once; some callers invent long ones."""
    kept: Kept[int] = Kept()

    for number in range(3 * MOST):
        kept.keep(f"/loans/{number}", number)
    given = kept.keep("/" + "x" * LONGEST, 7)

    assert given == 7
    assert len(kept) <= MOST
    assert max(map(len, kept)) <= LONGEST
