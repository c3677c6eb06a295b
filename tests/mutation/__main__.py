"""Runs mutmut over the pure modules, and prints what no test of their rooms noticed.

Usage: python -m tests.mutation [path of a pure module ...]

Each module is tested by the tests of its room, in a copy of the project in `mutants/`.
Survivors that docs/mutation.md lists as equivalent do not count against the floor in
pyproject.toml.
"""

import shutil
import subprocess
import sys
import tomllib
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
    rooms = sorted(
        {str(Path(one).parent).replace("gateway", "tests", 1) for one in modules}
    )
    return f"""
[tool.mutmut]
source_paths = ["gateway"]
only_mutate = {_listed(modules)}
also_copy = ["config", "deploy"]
# The text of an error is for people.
do_not_mutate_patterns = ['^\\s*raise ']
pytest_add_cli_args = ["-p", "no:cacheprovider", "-m", "not e2e and not bench"]
pytest_add_cli_args_test_selection = {_listed(rooms)}
track_dependencies = false
"""


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
    subprocess.run(command, cwd=WORK, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
    return show(results(WORK / "mutants"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
