"""Variables and files are read as documented, and never shown."""

import copy
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.secret import Secret
from gateway.secrets import files as module
from gateway.secrets.env import EnvProvider
from gateway.secrets.files import FileProvider
from gateway.secrets.ports import SecretSet, SecretsUnavailable, required
from gateway.secrets.version import version_of

ENV = {
    "DINIE_CLIENT_ID": "id-1",
    "DINIE_CLIENT_SECRET": " secret-1\n",
    "DINIE_WEBHOOK_SECRET": "whsec_a whsec_b",
    "DINIE_SECRET_NEXT_CLIENT_ID": "id-2",
}


async def test_variables_are_read_by_the_names_of_the_sdks() -> None:
    """And any other field by DINIE_SECRET_<FIELD>."""
    found = await EnvProvider(ENV).read()
    assert {name: value.reveal() for name, value in found.fields.items()} == {
        "client_id": "id-1",
        "client_secret": "secret-1",
        "webhook_secret": "whsec_a whsec_b",
        "next_client_id": "id-2",
    }
    assert (found.client_id.reveal(), found.client_secret.reveal()) == (
        "id-1",
        "secret-1",
    )


@pytest.mark.parametrize("value", [None, "", "  "])
async def test_a_missing_variable_is_named(value: str | None) -> None:
    """An empty one counts as missing: so it comes out of a broken template."""
    env = {"DINIE_CLIENT_ID": "id-1"}
    if value is not None:
        env["DINIE_CLIENT_SECRET"] = value
    with pytest.raises(SecretsUnavailable, match="lacks client_secret") as caught:
        await EnvProvider(env).read()
    assert caught.value.reason == "missing_field"


def fill(folder: Path, **fields: str) -> Path:
    """Write one file for each field."""
    folder.mkdir(exist_ok=True)
    for name, value in fields.items():
        (folder / name).write_text(value)
    return folder


async def test_files_are_read_again_each_time(tmp_path: Path) -> None:
    """What writes them does not restart us; the version shows the change."""
    provider = FileProvider(str(fill(tmp_path, client_id="a\n", client_secret=" b ")))
    first = await provider.read()
    assert first.client_secret.reveal() == "b"
    assert (await provider.read()).version == first.version
    fill(tmp_path, client_secret="c")
    second = await provider.read()
    assert second.client_secret.reveal() == "c"
    assert second.version != first.version
    assert provider.max_interval <= 5


def mount(folder: Path, number: int) -> None:
    """Lay out a folder as Kubernetes does, and turn its link."""
    fill(folder / f"..{number}", client_id=f"id-{number}", client_secret=f"s-{number}")
    for name in ("client_id", "client_secret"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    (folder / "..next").symlink_to(f"..{number}")
    (folder / "..next").replace(folder / "..data")


async def test_a_swapped_link_is_seen(tmp_path: Path) -> None:
    """Kubernetes turns `..data`; the files themselves never change."""
    mount(tmp_path, 1)
    provider = FileProvider(str(tmp_path))
    assert (await provider.read()).client_id.reveal() == "id-1"
    mount(tmp_path, 2)
    assert (await provider.read()).client_id.reveal() == "id-2"


async def test_a_swap_in_the_middle_gives_no_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old id with a new secret would be refused by Dinie, for a minute."""
    mount(tmp_path, 1)
    read = module._text

    def swapping(path: Path) -> str:
        text = read(path)
        if text == "id-1":
            mount(tmp_path, 2)
        return text

    monkeypatch.setattr(module, "_text", swapping)
    found = await FileProvider(str(tmp_path)).read()
    assert (found.client_id.reveal(), found.client_secret.reveal()) == ("id-2", "s-2")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe secret-1", "malformed"),
        (b"secret-1" * 10_000, "malformed"),
        (b"", "missing_field"),
        (None, "missing_field"),
    ],
)
async def test_a_file_that_is_no_secret_is_a_clear_failure(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """The sentence names the folder and the setting, not what was in the file."""
    fill(tmp_path, client_id="a")
    if content is not None:
        (tmp_path / "client_secret").write_bytes(content)
    with pytest.raises(SecretsUnavailable) as caught:
        await FileProvider(str(tmp_path)).read()
    assert caught.value.reason == reason
    assert "secrets.file.directory" in caught.value.detail
    assert caught.value.__cause__ is None
    assert "secret-1" not in repr(caught.value)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A volume that was not mounted, or a file in its place."""
    for path in (tmp_path / "nowhere", fill(tmp_path, a="b") / "a"):
        with pytest.raises(SecretsUnavailable) as caught:
            await FileProvider(str(path)).read()
        assert caught.value.reason == "not_found"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_of_somebody_else_is_a_permission(tmp_path: Path) -> None:
    """An operator forgot fsGroup."""
    fill(tmp_path, client_id="a", client_secret="b")
    (tmp_path / "client_secret").chmod(0)
    with pytest.raises(SecretsUnavailable) as caught:
        await FileProvider(str(tmp_path)).read()
    assert caught.value.reason == "permission"


FIELDS = st.dictionaries(
    st.sampled_from(["client_id", "client_secret", "webhook_secret"]),
    st.text("XYZ0123456789", min_size=8).map(Secret),
    min_size=3,
)


@given(FIELDS, FIELDS)
def test_a_version_changes_exactly_with_the_content(
    one: dict[str, Secret], other: dict[str, Secret]
) -> None:
    """Too often renews tokens for nothing, too rarely keeps a dead secret."""
    assert version_of(one) == version_of(dict(reversed(one.items())))
    assert (version_of(one) == version_of(other)) == (one == other)


def test_a_version_does_not_confuse_where_fields_end() -> None:
    """Concatenation alone would."""
    assert version_of({"a": Secret("bc")}) != version_of({"ab": Secret("c")})


@given(FIELDS)
def test_a_set_never_shows_a_secret(fields: dict[str, Secret]) -> None:
    """However it gets into a log, a debugger's output or a template."""
    made: SecretSet = required(fields, where="x", version=version_of(fields))
    shown = f"{made} {made!r} {made.fields} {made.client_id} {made.client_id!r:>9}"
    for secret in fields.values():
        assert secret.reveal() not in shown
        assert secret.reveal() not in made.version
    for leave in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(made)
