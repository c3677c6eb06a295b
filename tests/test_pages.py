"""README and docs as pages: short where promised, and every link arrives."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "deploy").glob("*.md"), *DOCS.rglob("*.md")]
)
SOURCES = [pytest.param(p, id=p.relative_to(ROOT).as_posix()) for p in PAGES]


def test_the_readme_is_short() -> None:
    """It is read in one sitting; tables of reference are in the docs."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("source", SOURCES)
def test_every_file_that_is_mentioned_exists(source: Path) -> None:
    """A reader who follows a path arrives."""
    paths = set(
        re.findall(
            r"`((?:deploy|docs|config|gateway|tests)/[\w./-]+)`", source.read_text()
        )
    )

    assert [path for path in paths if not (ROOT / path).exists()] == []


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", head).strip().lower() for head in heads]
    return {head.replace(" ", "-") for head in plain}


@pytest.mark.parametrize("source", SOURCES)
def test_every_link_arrives(source: Path) -> None:
    """Files and headings move; links have to follow."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", source.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (source.parent / name).resolve() if name else source
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_page_is_in_the_site_s_navigation() -> None:
    """A page that no menu leads to is not read; the strict build would refuse it."""
    listed = re.findall(
        r"^ +- .*?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE
    )

    assert sorted(listed) == sorted(
        path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")
    )
