"""The import contracts: no pure module is left out, and every task has an owner."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pure import ROOT, says_pure

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {one["name"]: one for one in PROJECT["tool"]["importlinter"]["contracts"]}

# Modules that start a task outside a TaskGroup, each with what ends the task.
TASK_OWNERS = {
    "cli/demo.py": "the demo awaits the gateway that it started before it returns",
    "cli/termination.py": "the command's job and the wait for SIGTERM end in `run`",
    "ratelimit/timer.py": "`Timer.cancel` ends the one task of a timer",
    "simulator/webhooks/sender.py": "`stop` joins the deliveries that are under way",
}
_STARTS = {"create_task", "ensure_future"}


def _trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module's path below `gateway/` and its syntax tree."""
    base = ROOT / "gateway"
    for path in sorted(base.rglob("*.py")):
        yield path.relative_to(base).as_posix(), ast.parse(path.read_text("utf-8"))


TREES = dict(_trees())


def _dotted(path: str) -> str:
    return ".".join(("gateway", *Path(path).with_suffix("").parts))


def _pattern(source: str) -> re.Pattern[str]:
    """Return what a contract's module name matches: `*` is one part, `**` any."""
    parts = [
        {"*": r"[^.]+", "**": r".+"}.get(part, re.escape(part))
        for part in source.split(".")
    ]
    return re.compile(r"\.".join(parts))


PURE = [path for path, tree in TREES.items() if says_pure(tree)]
SOURCES = [_pattern(one) for one in CONTRACTS["Policy is pure"]["source_modules"]]


def _listed(path: str) -> bool:
    return any(one.fullmatch(_dotted(path)) for one in SOURCES)


def test_every_pure_module_is_in_the_contract() -> None:
    """A module that calls itself pure must not read a clock or open a socket unseen."""
    assert [path for path in PURE if not _listed(path)] == []


def test_every_module_of_the_contract_says_that_it_is_pure() -> None:
    """The reader learns from the file, not from pyproject.toml, what it may do."""
    assert [path for path in TREES if _listed(path) and path not in PURE] == []


def _is_task_group(node: ast.expr | None) -> bool:
    return node is not None and "TaskGroup" in ast.unparse(node)


def _task_groups(tree: ast.Module) -> set[str]:
    """Return the names that a module gives to task groups."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and _is_task_group(node.context_expr):
            found.add(ast.unparse(node.optional_vars) if node.optional_vars else "")
        elif isinstance(node, ast.AnnAssign) and _is_task_group(node.annotation):
            found.add(ast.unparse(node.target))
        elif isinstance(node, ast.arg) and _is_task_group(node.annotation):
            found.add(node.arg)
    return found


def _loose_tasks(tree: ast.Module) -> list[str]:
    """Return each call that starts a task outside a task group."""
    groups = _task_groups(tree)
    return [
        ast.unparse(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _STARTS
        and ast.unparse(node.func.value) not in groups
    ]


LOOSE = {path: found for path, tree in TREES.items() if (found := _loose_tasks(tree))}


def test_a_task_belongs_to_a_group_or_to_a_named_owner() -> None:
    """An exception in a task that nothing awaits is lost."""
    assert {path: LOOSE[path] for path in LOOSE if path not in TASK_OWNERS} == {}


@pytest.mark.parametrize("path", sorted(TASK_OWNERS))
def test_an_owner_of_tasks_still_starts_one(path: str) -> None:
    """A list of exceptions must not outlive what it excuses."""
    assert path in LOOSE


@pytest.mark.parametrize(
    ("code", "loose"),
    [
        ("loop.create_task(job())", ["loop.create_task"]),
        ("asyncio.get_running_loop().create_task(job())", 1),
        ("asyncio.ensure_future(job())", ["asyncio.ensure_future"]),
        ("async def f():\n async with TaskGroup() as g:\n  g.create_task(job())", []),
        ("def f(tasks: asyncio.TaskGroup): tasks.create_task(job())", []),
    ],
)
def test_a_loose_task_is_found(code: str, loose: list[str] | int) -> None:
    """The check itself: a loop, however it is had, is no owner."""
    found = _loose_tasks(ast.parse(code))

    assert (len(found) if isinstance(loose, int) else found) == loose
