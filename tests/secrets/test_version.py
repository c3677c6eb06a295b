"""A version identifies its content without revealing it."""

import re
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.secret import Secret
from gateway.secrets.version import version_of

FIELDS = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3)


def version(fields: dict[str, str]) -> str:
    """Return the version of plain texts."""
    return version_of({name: Secret(text) for name, text in fields.items()})


@given(one=FIELDS, other=FIELDS)
def test_versions_are_equal_exactly_where_contents_are(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """Texts that only look alike when joined are the trap: short ones find it."""
    assert (version(one) == version(other)) == (one == other)


@given(fields=FIELDS)
def test_the_order_of_fields_does_not_matter(fields: dict[str, str]) -> None:
    """Vault and file systems list them as they please."""
    turned = dict(reversed(fields.items()))

    assert version(fields) == version(turned)


@given(fields=FIELDS)
def test_a_version_has_always_the_same_form(fields: dict[str, str]) -> None:
    """It goes into logs and cache keys; its length must tell nothing."""
    assert re.fullmatch(r"[0-9a-f]{12}", version(fields))


def test_what_is_no_text_has_a_version_too() -> None:
    """One such field of another tool would keep every new credential out."""
    assert version({"note": "\ud800"}) != version({"note": "\ud801"})


def test_another_process_names_the_same_content_otherwise() -> None:
    """A digest that is the same everywhere could be searched for."""
    code = (
        "from gateway.core.secret import Secret\n"
        "from gateway.secrets.version import version_of\n"
        "print(version_of({'client_secret': Secret('hush')}))"
    )

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert len(done.stdout.strip()) == 12
    assert done.stdout.strip() != version({"client_secret": "hush"})
