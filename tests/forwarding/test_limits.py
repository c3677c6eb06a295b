"""Limits: the table for people says what the code does."""

import re
from pathlib import Path

from gateway.forwarding import limits

TABLE = (Path(__file__).parents[2] / "docs" / "reference" / "limits.md").read_text()


def test_every_limit_is_in_the_table_with_its_value() -> None:
    """Somebody with a long URL looks there first."""
    rows = re.findall(r"^\|[^|]+\| ([\d,]+)[^|]*\| `([A-Z_]+)` \|", TABLE, re.MULTILINE)

    documented = {name: int(value.replace(",", "")) for value, name in rows}

    assert documented == {
        name: value for name, value in vars(limits).items() if name.isupper()
    }
