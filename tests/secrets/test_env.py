"""EnvProvider: variables by the names that the SDKs use."""

import pytest

from gateway.secrets.env import EnvProvider
from gateway.secrets.ports import SecretsUnavailable

PAIR = {"DINIE_CLIENT_ID": "id-1", "DINIE_CLIENT_SECRET": "hush-1"}


async def read(environ: dict[str, str]) -> dict[str, str]:
    """Return every field that the variables give."""
    found = await EnvProvider(environ).read()
    return {name: value.reveal() for name, value in found.fields.items()}


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        pytest.param({}, {}, id="the pair alone"),
        pytest.param(
            {"DINIE_WEBHOOK_SECRET": "w"}, {"webhook_secret": "w"}, id="webhook"
        ),
        pytest.param(
            {"DINIE_SECRET_NEXT_CLIENT_SECRET": "n"},
            {"next_client_secret": "n"},
            id="any field by prefix",
        ),
        pytest.param({"DINIE_WEBHOOK_SECRET": ""}, {}, id="empty is unset"),
        pytest.param({"DINIE_SECRET_X": ""}, {}, id="empty by prefix is unset"),
        pytest.param({"CLIENT_SECRET": "x", "DINIE_ENV": "y"}, {}, id="strangers"),
    ],
)
async def test_variables_become_fields(
    more: dict[str, str], fields: dict[str, str]
) -> None:
    """The official SDKs' names, so that nothing has to be renamed."""
    found = await read(PAIR | more)

    assert found == {"client_id": "id-1", "client_secret": "hush-1"} | fields


async def test_blanks_around_a_value_are_no_part_of_it() -> None:
    """`$(cat file)` and YAML blocks leave line ends behind."""
    found = await read({name: f" {value}\n" for name, value in PAIR.items()})

    assert found == {"client_id": "id-1", "client_secret": "hush-1"}


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({}, "lacks client_id and client_secret", id="both"),
        pytest.param({"DINIE_CLIENT_ID": "a"}, "lacks client_secret", id="secret"),
        pytest.param({"DINIE_CLIENT_SECRET": "hush-1"}, "lacks client_id", id="id"),
        pytest.param(
            PAIR | {"DINIE_CLIENT_SECRET": "\n"}, "lacks client_secret", id="blank"
        ),
    ],
)
async def test_what_is_missing_is_named_and_what_is_there_is_not_shown(
    environ: dict[str, str], says: str
) -> None:
    """The sentence ends up in the log of a pod that does not get ready."""
    with pytest.raises(SecretsUnavailable, match=says) as caught:
        await EnvProvider(environ).read()

    assert caught.value.reason == "missing_field"
    assert "DINIE_CLIENT_SECRET" in caught.value.detail
    assert "hush" not in repr(caught.value)


async def test_a_changed_variable_is_another_version() -> None:
    """A platform that injects them anew must get new tokens as well."""
    environ = dict(PAIR)
    provider = EnvProvider(environ)
    first = await provider.read()

    environ["DINIE_CLIENT_SECRET"] = "hush-2"
    second = await provider.read()

    assert first.version != second.version
    assert second.client_secret.reveal() == "hush-2"


async def test_unrelated_variables_do_not_change_the_version() -> None:
    """A new version throws every token away."""
    first = await EnvProvider(PAIR).read()
    second = await EnvProvider(PAIR | {"HOME": "x", "GATEWAY__SERVICE": "y"}).read()

    assert first.version == second.version


async def test_closing_leaves_it_readable() -> None:
    """Nothing is held: a late reload during the stop must not fail."""
    provider = EnvProvider(PAIR)

    await provider.close()

    assert (await provider.read()).client_id.reveal() == "id-1"
