"""Rules: a list of patterns, prepared once."""

import pytest

from gateway.forwarding.rules import Rules

UPLOADS = ("/customers/*/documents", "/Exact/", "/customers/*/kyc/selfie")
DENIED = ("/auth/credentials", "/partners/*/keys")


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


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/auth/credentials", True, id="itself"),
        pytest.param("/auth/credentials/1", True, id="below"),
        pytest.param("/auth/credentialsx", False, id="longer-word"),
        pytest.param("/auth", False, id="above"),
        pytest.param("/partners/7/keys/1", True, id="below-a-star"),
        pytest.param("/partners/7", False, id="above-a-star"),
    ],
)
def test_a_denied_rule_takes_in_what_lies_below(path: str, *, expected: bool) -> None:
    """Who may not list credentials may not revoke one either."""
    assert Rules(DENIED, below=True)(path) is expected


def test_no_patterns_fit_nothing() -> None:
    """An empty list denies nothing."""
    assert not Rules((), below=True)("/")
