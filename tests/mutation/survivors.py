"""Reads what mutmut left behind: each module's mutants, and those that are alive."""

import ast
import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

# mutmut's exit codes: no test failed, or no test ran.
_ALIVE: Final = (0, 5, 33)


class Result(NamedTuple):
    """The mutants of one module."""

    path: str
    total: int
    alive: list[str]  # "path function: old -> new"
    unchecked: bool  # whether some were not run


def results(folder: Path) -> list[Result]:
    """Return the result of each mutated module below a folder of mutmut's."""
    found = []
    for meta in sorted((folder / "gateway").rglob("*.py.meta")):
        codes = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        if codes:
            path = meta.relative_to(folder).with_suffix("").as_posix()
            source = meta.with_suffix("").read_text("utf-8")
            alive = [key for key, code in codes.items() if code in _ALIVE]
            shown = list(_shown(path, source, alive))
            found.append(Result(path, len(codes), shown, None in codes.values()))
    return found


def _shown(path: str, source: str, keys: list[str]) -> Iterator[str]:
    """Yield one line for each mutant that is alive."""
    functions = {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for key in keys:
        mutant = key.rsplit(".", 1)[1]
        name, _, _ = mutant.rpartition("__mutmut_")
        change = _change(functions[f"{name}__mutmut_orig"], functions[mutant])
        yield f"{path} {_readable(name)}: {change}"


def _readable(name: str) -> str:
    """Return `Class.method` or `function` for mutmut's name of it."""
    return name.removeprefix("x").removeprefix("_").strip("ǁ").replace("ǁ", ".")


def _change(before: str, after: str) -> str:
    """Return what is different as "old -> new", without the line of the name."""
    lines = [
        line
        for line in difflib.ndiff(before.splitlines(), after.splitlines())
        if line[:2] in ("- ", "+ ") and "__mutmut_" not in line
    ]
    old = " ".join(line[2:].split("#")[0].strip() for line in lines if line[0] == "-")
    new = " ".join(line[2:].split("#")[0].strip() for line in lines if line[0] == "+")
    return f"{old} -> {new}"
