"""The floors of coverage."""

import io

import pytest
from coverage import Coverage

from tests.coverage_gate import FLOORS, below_floor
from tests.pure import pure_modules


class Measured(Coverage):
    """Reports what a test says."""

    def __init__(self, project: float, pure: dict[str, float]) -> None:
        super().__init__(data_file=None)
        self._project = project
        self._pure = pure

    def report(  # type: ignore[override]
        self, *, include: list[str] | None = None, file: io.StringIO, **_: object
    ) -> float:
        """Return a percentage, and write the table that coverage writes."""
        if include is None:
            return self._project
        file.write(f"Name\n----\n{include[0]} 10 2 7-8\n")
        return self._pure.get(include[0], 100.0)


def test_what_is_at_its_floor_passes() -> None:
    """A floor is reached, not exceeded."""
    assert below_floor(Measured(FLOORS["project"], {})) == []


def test_a_project_below_its_floor_is_named() -> None:
    """Coverage only goes up."""
    [line] = below_floor(Measured(FLOORS["project"] - 0.1, {}))

    assert line.startswith("gateway: ")


@pytest.mark.parametrize("path", list(pure_modules())[:2])
def test_a_pure_module_below_its_floor_is_named_with_its_lines(path: str) -> None:
    """One branch of a policy that no test takes fails the check."""
    [line] = below_floor(Measured(FLOORS["project"], {path: 99.9}))

    assert line.startswith(f"{path}: 99.90 % of 100")
    assert line.endswith("7-8")
