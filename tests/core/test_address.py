"""Is a place to listen read as it is written?"""

import pytest

from gateway.core.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:80", Address("::1", 80)),
        ("unix:/run/gateway.sock", Address(path="/run/gateway.sock")),
        ("off", Address()),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    """`check --show` must print what could be pasted back."""
    assert parse_address(text) == address
    assert str(address) == text


def test_yaml_reads_a_bare_off_as_false() -> None:
    """Nobody should need to know that."""
    assert parse_address(value=False).off


@pytest.mark.parametrize("text", ["8080", ":80", "a:", "a:x", "a:65536", "unix:x", 1])
def test_anything_else_is_refused(text: object) -> None:
    """A typo must not open another port."""
    with pytest.raises(ValueError, match="must be host:port"):
        parse_address(text)
