"""The layout: every module has its test, and nothing grows too long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 300  # lines
LONGEST_FUNCTION = 40  # lines, its docstring not counted

# Modules without a test of their own name, each with its reason.
EXEMPT = {
    "__main__": "two lines that call the command line",
    "core/stage": "shapes and one key, used by every stage",
    "app/gateway": "wiring: every end-to-end test runs it",
}
# Names without behaviour: settings, and protocols that others implement.
UNTESTED_NAMES = {"__init__", "options", "ports"}


def _modules() -> Iterator[Path]:
    yield from sorted((ROOT / "gateway").rglob("*.py"))


def _sources() -> Iterator[Path]:
    yield from _modules()
    yield from sorted((ROOT / "tests").rglob("*.py"))


def _needs_a_test(module: Path) -> bool:
    name = module.relative_to(ROOT / "gateway").with_suffix("").as_posix()
    return module.stem not in UNTESTED_NAMES and name not in EXEMPT


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


MODULES = [
    pytest.param(one, id=_shown(one)) for one in _modules() if _needs_a_test(one)
]
SOURCES = [pytest.param(one, id=_shown(one)) for one in _sources()]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test(module: Path) -> None:
    """Whoever changes a module knows where its promises are written."""
    room = module.parent.relative_to(ROOT / "gateway")

    assert (ROOT / "tests" / room / f"test_{module.stem}.py").is_file()


@pytest.mark.parametrize("name", sorted(EXEMPT))
def test_an_exemption_names_a_module_that_exists(name: str) -> None:
    """A list of exceptions must not outlive what it excuses."""
    assert (ROOT / "gateway" / f"{name}.py").is_file()


@pytest.mark.parametrize("source", SOURCES)
def test_no_file_is_too_long(source: Path) -> None:
    """A file that fits in the head can be changed without fear."""
    lines = len(source.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST_FILE


@pytest.mark.parametrize("source", SOURCES)
def test_no_function_is_too_long(source: Path) -> None:
    """A function that fits on a screen has one thing to say."""
    tree = ast.parse(source.read_text(encoding="utf-8"))

    too_long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _length(node) > LONGEST_FUNCTION
    ]

    assert too_long == []


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return a function's lines from `def` to its end, without its docstring."""
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length
