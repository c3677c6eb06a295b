"""Rules: a list of patterns, prepared once."""

import pytest

from gateway.forwarding.rules import Rules

UPLOADS = ("/customers/*/documents", "/Exact/", "/customers/*/kyc/selfie")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/customers/1/documents", True, id="star"),
        pytest.param("/customers/1/documents/2", False, id="deeper"),
        pytest.param("/exact", True, id="case-and-slash-of-the-pattern"),
        pytest.param("/exact/x", False, id="below-an-exact-one"),
        pytest.param("/", False, id="root"),
    ],
)
def test_a_rule_fits_its_own_path_only(path: str, *, expected: bool) -> None:
    """An upload's large cap must not spread to its neighbours."""
    assert Rules(UPLOADS)(path) is expected


def test_no_patterns_fit_nothing() -> None:
    """An empty list grants nothing."""
    assert not Rules(())("/")
