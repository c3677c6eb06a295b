"""FileProvider: files as Kubernetes and Vault Agent write them, and only secrets."""

import os
from pathlib import Path

import pytest

from gateway.secrets.files import FileProvider
from gateway.secrets.ports import SecretsUnavailable

LARGEST = 65536  # bytes


def fill(folder: Path, **fields: str | bytes) -> Path:
    """Write one file for each field."""
    folder.mkdir(exist_ok=True)
    for name, content in fields.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    return folder


async def read(folder: Path) -> dict[str, str]:
    """Return every field that the folder gives."""
    found = await FileProvider(str(folder)).read()
    return {name: value.reveal() for name, value in found.fields.items()}


async def failure(folder: Path) -> SecretsUnavailable:
    """Return what a read of the folder fails with."""
    with pytest.raises(SecretsUnavailable) as caught:
        await FileProvider(str(folder)).read()
    assert "hush" not in repr(caught.value)
    assert str(folder) in caught.value.detail
    return caught.value


async def test_each_file_is_a_field(tmp_path: Path) -> None:
    """The names are the fields': nothing has to be mapped."""
    fill(tmp_path, client_id="id\n", client_secret=" hush ", webhook_secret="a b")

    assert await read(tmp_path) == {
        "client_id": "id",
        "client_secret": "hush",
        "webhook_secret": "a b",
    }


async def test_hidden_files_and_folders_are_no_fields(tmp_path: Path) -> None:
    """Kubernetes keeps its generations, and editors their copies, beside ours."""
    fill(tmp_path, client_id="id", client_secret="hush")
    fill(tmp_path, **{".client_secret.swp": b"\xff"})
    fill(tmp_path / "backup", client_secret="old")

    assert await read(tmp_path) == {"client_id": "id", "client_secret": "hush"}


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        pytest.param(LARGEST, True, id="largest"),
        pytest.param(LARGEST + 1, False, id="one byte more"),
    ],
)
async def test_a_file_too_large_for_a_secret_is_not_taken(
    tmp_path: Path, size: int, fits: bool
) -> None:
    """A wrong mount can hold a database; it must not end up in memory."""
    fill(tmp_path, client_id="id", client_secret="x" * size)

    if fits:
        assert len((await read(tmp_path))["client_secret"]) == size
    else:
        assert (await failure(tmp_path)).reason == "malformed"


@pytest.mark.parametrize(
    ("fields", "reason", "says"),
    [
        pytest.param({}, "missing_field", "client_id and client_secret", id="empty"),
        pytest.param(
            {"client_id": "id"}, "missing_field", "lacks client_secret", id="no secret"
        ),
        pytest.param(
            {"client_id": "id", "client_secret": "\n"},
            "missing_field",
            "lacks client_secret",
            id="blank secret",
        ),
        pytest.param(
            {"client_id": "id", "client_secret": b"\xffhush"},
            "malformed",
            "UTF-8",
            id="no text",
        ),
    ],
)
async def test_a_folder_that_lacks_something_says_what(
    tmp_path: Path, fields: dict[str, str | bytes], reason: str, says: str
) -> None:
    """An operator who mounts the volume reads this sentence, not the source."""
    error = await failure(fill(tmp_path, **fields))

    assert (error.reason, says in error.detail) == (reason, True), error.detail


async def test_a_folder_that_cannot_be_opened_is_a_permission(tmp_path: Path) -> None:
    """The volume is there, and belongs to another user."""
    folder = fill(tmp_path / "locked", client_id="id", client_secret="hush")
    folder.chmod(0)

    try:
        if os.access(folder, os.R_OK):
            pytest.skip("this user may read everything")
        assert (await failure(folder)).reason == "permission"
    finally:
        folder.chmod(0o700)


async def test_a_field_whose_link_leads_nowhere_is_missing(tmp_path: Path) -> None:
    """A key that was taken out of the Kubernetes secret leaves its link behind."""
    fill(tmp_path, client_id="id")
    (tmp_path / "client_secret").symlink_to(tmp_path / "gone")

    error = await failure(tmp_path)

    assert error.reason == "missing_field"
    assert "lacks client_secret" in error.detail


async def test_a_folder_swapped_as_a_whole_is_read_anew(tmp_path: Path) -> None:
    """Some drivers turn one link to the folder instead of the files."""
    first = fill(tmp_path / "one", client_id="id-1", client_secret="hush-1")
    second = fill(tmp_path / "two", client_id="id-2", client_secret="hush-2")
    link = tmp_path / "current"
    link.symlink_to(first)
    provider = FileProvider(str(link))
    before = await provider.read()

    (tmp_path / "next").symlink_to(second)
    (tmp_path / "next").replace(link)
    after = await provider.read()

    assert before.client_id.reveal() == "id-1"
    assert after.client_id.reveal() == "id-2"
    assert before.version != after.version


async def test_touching_a_file_is_no_new_version(tmp_path: Path) -> None:
    """Agents write the same content again; tokens must survive that."""
    provider = FileProvider(str(fill(tmp_path, client_id="id", client_secret="hush")))
    before = await provider.read()

    fill(tmp_path, client_secret="hush\n")
    after = await provider.read()

    assert before.version == after.version
