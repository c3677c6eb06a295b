"""Processes that are the first of a PID namespace, as a container's are."""

import shutil
import subprocess
from pathlib import Path

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")


def may_unshare() -> bool:
    """Return whether a new PID namespace can be made here."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*UNSHARE, "true"], check=False, capture_output=True)  # noqa: S603
    return tried.returncode == 0


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]
