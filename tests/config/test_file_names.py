"""A secret in the place of a file's name is a fault, and is never repeated."""

from pathlib import Path

import pytest

from gateway.config.file_names import is_content
from gateway.config.keys import known_keys
from gateway.config.load import ConfigError, load

CONFIG = Path(__file__).resolve().parents[2] / "config"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBg/+A\n-----END PRIVATE KEY-----\n"
SECRET_ID = "2f1b1f4e-3d1a-4d7a-9b1c-0c1d2e3f4a5b"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        pytest.param("/vault/secrets/secret_id", False, id="path"),
        pytest.param("secret-id", False, id="name"),
        pytest.param("/home/ana@lender.example/ca.pem", False, id="path with a mail"),
        pytest.param(f"/run/{SECRET_ID}/token", False, id="path with a UUID"),
        pytest.param(PEM, True, id="key"),
        pytest.param(PEM.replace("\n", " "), True, id="key in one line"),
        pytest.param(SECRET_ID, True, id="secret id"),
        pytest.param("hvs.CAESIJ-made-up-token", True, id="token"),
        pytest.param("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", True, id="JWT"),
        pytest.param('{"keys": []}', True, id="JSON"),
    ],
)
def test_a_name_is_told_from_a_content(text: str, content: bool) -> None:
    """A name that is refused stops a gateway; a secret that passes is logged."""
    assert is_content(text) is content


@pytest.mark.parametrize("secret", [PEM, SECRET_ID])
@pytest.mark.parametrize("key", [k for k in known_keys() if k.endswith("_file")])
def test_a_secret_in_place_of_a_file_is_a_fault_that_does_not_repeat_it(
    key: str, secret: str
) -> None:
    """Missing files are named in logs, and so would the secret be."""
    with pytest.raises(ConfigError) as caught:
        load(config_dir=CONFIG, env={}, overrides=[f"{key}={secret}"])

    assert [(one.key, one.message) for one in caught.value.faults] == [
        (key, "must be the name of a file, and is the content of one")
    ]
    assert secret.strip() not in str(caught.value)
