"""The lock files: they fit pyproject.toml, and every pin is known by its hash."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
DEV = PROJECT["project"]["optional-dependencies"]["dev"]
WANTED = {
    "requirements.lock": RUNTIME,
    "requirements-dev.lock": [*RUNTIME, *DEV],
    "requirements-build.lock": PROJECT["dependency-groups"]["build"],
    "requirements-docs.lock": PROJECT["dependency-groups"]["docs"],
    "requirements-mutation.lock": PROJECT["dependency-groups"]["mutation"],
}


def entries(name: str) -> list[str]:
    """Return a lock's entries, each with its hashes on one line."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def pins(name: str) -> dict[str, Version]:
    """Return name and version of each pin."""
    found: dict[str, Version] = {}
    for entry in entries(name):
        requirement, _, version = entry.split()[0].partition("==")
        found[canonicalize_name(requirement)] = Version(version)
    return found


@pytest.mark.parametrize("name", WANTED)
def test_what_the_project_asks_for_is_pinned_in_its_range(name: str) -> None:
    """A dependency that was added without `make lock` fails here, not at a user's."""
    pinned = pins(name)
    asked = [Requirement(text) for text in WANTED[name]]

    unmet = [
        str(one)
        for one in asked
        if (found := pinned.get(canonicalize_name(one.name))) is None
        or not one.specifier.contains(found, prereleases=True)
    ]

    assert unmet == []


@pytest.mark.parametrize("name", WANTED)
def test_every_pin_has_hashes(name: str) -> None:
    """Without one, whoever answers for the index decides what is installed."""
    bare = [e for e in entries(name) if not re.search(r"--hash=sha256:[0-9a-f]{64}", e)]

    assert bare == []


@pytest.mark.parametrize("name", WANTED)
def test_no_lock_names_an_index(name: str) -> None:
    """Each network has its own mirror."""
    assert "://" not in (ROOT / name).read_text()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_the_locks_agree(name: str) -> None:
    """What is shipped is what was tested."""
    tested = pins("requirements-dev.lock")
    mine = pins(name)

    assert {n: v for n, v in mine.items() if tested.get(n, v) != v} == {}
