"""A full temporary folder was told as a full queue, and nobody else heard of it."""

import tempfile
from pathlib import Path

import orjson
import pytest

from tests.inprocess import running_stack
from tests.upstreams import ScriptedUpstream


async def test_a_folder_that_cannot_be_written_is_said_by_its_name(
    upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller, the log and the probe must name the disk that is to be freed."""
    gone = tmp_path / "gone"
    monkeypatch.setattr(tempfile, "tempdir", str(gone))
    async with running_stack(upstream.base_url) as stack:
        said = await stack.ask(
            "POST", "/v3/customers/cust_1/documents", body=bytes(2_000_000)
        )
        unready = await stack.admin("/readyz")

    problem = orjson.loads(said.body)
    assert (said.status, said.slug) == (503, "overloaded")
    assert str(gone) in problem["detail"]
    assert "queue" not in problem["title"]
    assert unready.status == 503
    assert str(gone) in orjson.loads(unready.body)["checks"]["spill"]["reason"]
