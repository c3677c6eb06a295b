"""Where does the gateway spend its time? The standard library's profiler says."""

import io
import pstats
from pathlib import Path

from tests.bench.measure import CONNECTIONS
from tests.bench.processes import ROOT, Load, gateway, upstream

_MOST = 25  # functions that are shown
_MICROSECONDS = 1e6


def profile(
    folder: Path, requests: int, *, source: Path = ROOT, most: int = _MOST
) -> str:
    """Return the functions that take most time by themselves, per request.

    The profiler slows Python's own calls down more than anything in C: good for a
    ranking, not for a sum.

    Raises:
        RuntimeError: something does not start, or a request failed.
    """
    found = folder / "profile"
    with upstream(folder) as origin:
        origin.started()
        server = gateway(
            folder,
            f"http://127.0.0.1:{origin.port}",
            source=source,
            runner=("-m", "cProfile", "-o", str(found)),
        )
        with server, Load() as load:
            server.started()
            load.drive(server.port, requests, CONNECTIONS)
    return _top(found, requests, most)


def _top(found: Path, requests: int, most: int) -> str:
    stats = pstats.Stats(str(found), stream=io.StringIO())
    rows = sorted(stats.stats.items(), key=lambda row: -row[1][2])  # type: ignore[attr-defined]
    lines = [f"{'own us':>8} {'total us':>9} {'calls':>6}  function (per request)"]
    for (file, line, name), (_, calls, own, total, _) in rows[:most]:
        place = f"{_short(file)}:{line} {name}" if line else name
        lines.append(
            f"{own / requests * _MICROSECONDS:8.2f} "
            f"{total / requests * _MICROSECONDS:9.2f} {calls / requests:6.2f}  {place}"
        )
    return "\n".join(lines)


def _short(file: str) -> str:
    """Return a path from the package on, without where it is installed."""
    for mark in ("site-packages/", f"{ROOT}/"):
        if mark in file:
            return file.split(mark, 1)[1]
    return "/".join(Path(file).parts[-2:])
