"""Finds the modules that call themselves pure."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def says_pure(tree: ast.Module) -> bool:
    """Return whether a module's docstring has the word "Pure"."""
    return re.search(r"\bPure\b", ast.get_docstring(tree) or "") is not None


def pure_modules() -> Iterator[str]:
    """Yield the path of each pure module, from the root."""
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        if says_pure(ast.parse(path.read_text("utf-8"))):
            yield path.relative_to(ROOT).as_posix()
