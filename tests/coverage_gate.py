"""Compares the coverage that was measured with the floors in pyproject.toml."""

import io
import sys
import tomllib
from typing import Final

from coverage import Coverage

from tests.pure import ROOT, pure_modules

_TOOL: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
FLOORS: Final[dict[str, float]] = _TOOL["dinie-gateway"]["coverage"]


def below_floor(measured: Coverage) -> list[str]:
    """Return a line for what is below its floor: the project, or a pure module."""
    found = []
    for name, floor in [("gateway", FLOORS["project"]), *_pure_floors()]:
        text = io.StringIO()
        only = None if name == "gateway" else [name]
        percent = measured.report(include=only, file=text, show_missing=True)
        if percent < floor:
            missed = "" if only is None else text.getvalue().splitlines()[2]
            found.append(f"{name}: {percent:.2f} % of {floor} %  {missed}".rstrip())
    return found


def _pure_floors() -> list[tuple[str, float]]:
    return [(path, FLOORS["pure"]) for path in pure_modules()]


def main() -> int:
    """Print what is below its floor; return 1 where something is."""
    measured = Coverage()
    measured.load()
    percent = measured.report(file=io.StringIO())
    print(f"coverage of gateway/: {percent:.2f} % (floor {FLOORS['project']} %)")
    low = below_floor(measured)
    print("\n".join(low or ["every pure module: 100 % of its lines and branches"]))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
