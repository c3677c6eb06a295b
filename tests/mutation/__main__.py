"""Runs mutmut over the pure modules, and prints what no test of their rooms noticed.

Usage: python -m tests.mutation [path of a pure module ...]

Each module is tested by the tests of its room's pure modules, in a copy of the project
in `mutants/`.
Survivors that docs/mutation.md lists as equivalent do not count against the floor in
pyproject.toml.
"""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.mutation.survivors import Result, results
from tests.pure import ROOT, pure_modules

WORK: Final = ROOT / "mutants"
_COPIED: Final = ("gateway", "tests", "config", "deploy")
_TOOL: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
FLOOR: Final[float] = _TOOL["dinie-gateway"]["mutation"]["killed"]


def configuration(modules: list[str]) -> str:
    """Return the section of pyproject.toml that mutmut reads."""
    return f"""
[tool.mutmut]
source_paths = ["gateway"]
only_mutate = {_listed(modules)}
also_copy = ["config", "deploy"]
# The text of an error is for people.
do_not_mutate_patterns = ['^\\s*raise ']
pytest_add_cli_args = ["-p", "no:cacheprovider", "-m", "not e2e and not bench"]
pytest_add_cli_args_test_selection = {_listed(list(_tests(modules)))}
track_dependencies = false
# A cache that earlier tests filled would hide a mutant of what fills it.
process_isolation = "forkserver"
"""


def _tests(modules: list[str]) -> Iterator[str]:
    """Yield the tests beside each module that import a pure module of its room."""
    for room in sorted({Path(one).parent for one in modules}):
        pure = [Path(one) for one in pure_modules() if Path(one).parent == room]
        imports = [f"{'.'.join(one.with_suffix('').parts)} import" for one in pure]
        for test in sorted(
            (ROOT / "tests" / room.relative_to("gateway")).glob("test_*")
        ):
            text = test.read_text("utf-8")
            if any(one in text for one in imports):
                yield test.relative_to(ROOT).as_posix()


def _listed(names: list[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in names) + "]"


def prepare(modules: list[str]) -> None:
    """Copy the project, and configure mutmut in the copy."""
    shutil.rmtree(WORK, ignore_errors=True)
    skipped = shutil.ignore_patterns("__pycache__")
    for name in _COPIED:
        shutil.copytree(ROOT / name, WORK / name, ignore=skipped)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (WORK / "pyproject.toml").write_text(project + configuration(modules))


def show(found: list[Result]) -> int:
    """Print each module's numbers and its survivors; return 1 below the floor."""
    known = (ROOT / "docs" / "mutation.md").read_text("utf-8")
    killed = total = 0
    for one in found:
        alive = [line for line in one.alive if f"`{line}`" not in known]
        equivalent = len(one.alive) - len(alive)
        killed += one.total - len(one.alive)
        total += one.total - equivalent
        print(
            f"{one.path}: {one.total} mutants,"
            f" {len(alive)} alive, {equivalent} equivalent"
        )
        for line in alive:
            print(f"  {line}")
    percent = 100.0 * killed / total if total else 100.0
    print(f"killed: {killed} of {total}, {percent:.1f} % (floor {FLOOR} %)")
    return 0 if percent >= FLOOR else 1


def main(arguments: list[str]) -> int:
    """Run mutmut over some pure modules, or all of them."""
    modules = arguments or list(pure_modules())
    prepare(modules)
    command = [str(Path(sys.executable).with_name("mutmut")), "run"]
    run = subprocess.run(  # noqa: S603
        command, cwd=WORK, check=False, capture_output=True, text=True
    )
    found = results(WORK / "mutants")
    if not found or any(one.unchecked for one in found):
        print(run.stdout[-4000:], run.stderr[-4000:])
        print("mutmut ended before its end")
        return 2
    return show(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
