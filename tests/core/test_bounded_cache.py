"""BoundedCache: faster for what comes often, and bounded for what never comes again."""

from gateway.core.bounded_cache import LONGEST, MOST, BoundedCache


def test_what_was_worked_out_is_found_again() -> None:
    """That is what it is for."""
    kept: BoundedCache[int] = BoundedCache()

    given = kept.keep("/banks", 1)

    assert (given, kept.get("/banks"), kept.get("/loans")) == (1, 1, None)


def test_a_caller_cannot_fill_the_memory() -> None:
    """Ids in paths make targets that come once; some callers invent long ones."""
    kept: BoundedCache[int] = BoundedCache()

    for number in range(3 * MOST):
        kept.keep(f"/loans/{number}", number)
    given = kept.keep("/" + "x" * LONGEST, 7)

    assert given == 7
    assert len(kept) <= MOST
    assert max(map(len, kept)) <= LONGEST
