"""Do the Vault policies grant what the code asks for, and no more?"""

import re
from pathlib import Path

import pytest

from gateway.vault.options import VaultOptions
from tests.e2e.rotating import TOKEN, rotating
from tests.vault.fake import FakeVault

POLICIES = Path(__file__).resolve().parents[2] / "deploy" / "vault"
PATH = "dinie/sandbox"
VERBS = {"GET": {"read"}, "POST": {"create", "update"}, "PUT": {"create", "update"}}


def policy(name: str) -> dict[str, set[str]]:
    """Return the capabilities by path, for the path of the tests."""
    text = (POLICIES / name).read_text().replace(PATH, "dinie/local")
    found = re.findall(r'path "([^"]+)" \{\s+capabilities = \[([^\]]*)\]', text)
    return {path: set(re.findall(r'"(\w+)"', listed)) for path, listed in found}


def asked(vault: FakeVault) -> dict[str, set[str]]:
    """Return which verbs were used on which paths."""
    used: dict[str, set[str]] = {}
    for call in vault.calls:
        verb, path = call.split(" ", 1)
        used.setdefault(path, set()).add(verb)
    return used


def check(vault: FakeVault, granted: dict[str, set[str]]) -> None:
    used = asked(vault)
    for path, verbs in used.items():
        for verb in verbs:
            assert granted.get(path, set()) & VERBS[verb], f"{verb} {path}"
    unused = {path for path in granted if path not in used}
    # A given token of unknown life is not renewed here.
    assert unused <= {"auth/token/renew-self"}
    for path, capabilities in granted.items():
        verbs = used.get(path, {"POST"})
        needed = set().union(*(VERBS[verb] for verb in verbs))
        assert capabilities <= needed, path


async def test_the_jobs_policy_is_what_a_rotation_needs() -> None:
    """A whole rotation, and one that is aborted."""
    async with rotating() as world:
        done = await world.rotate("--now")
        begun = await world.rotate("--now", canary="3600")
        aborted = await world.rotate("--abort")

        assert (done[0], begun[0], aborted[0]) == (0, 0, 0)
        check(world.vault, policy("rotation.hcl"))


async def test_the_sidecars_policy_is_what_a_gateway_needs() -> None:
    """It reads one secret, and never the rotation's state beside it."""
    from gateway.vault.provider import VaultProvider  # noqa: PLC0415 - slow to import

    async with rotating() as world:
        provider = VaultProvider(
            VaultOptions(address=world.vault.address, path="dinie/local"),
            environ={"VAULT_TOKEN": TOKEN},
        )
        await provider.read()
        await provider.read()
        await provider.close()

        check(world.vault, policy("sidecar.hcl"))


@pytest.mark.parametrize("name", ["sidecar.hcl", "rotation.hcl"])
def test_no_policy_reaches_further_than_its_environment(name: str) -> None:
    """A star would reach production's secret."""
    granted = policy(name)

    assert granted
    assert not [path for path in granted if "*" in path or "+" in path]
    writers = [p for p, c in granted.items() if c & {"create", "update"}]
    if name == "sidecar.hcl":
        assert writers == ["auth/token/renew-self"]
