"""Secrets from files, one for each field, as CSI drivers and Vault Agent write them."""

import asyncio
from pathlib import Path
from typing import Final

from gateway.secret import Secret
from gateway.secrets.ports import SecretSet, SecretsUnavailable, required
from gateway.secrets.version import version_of

_LARGEST: Final = 64 * 1024  # bytes; a secret is shorter, a wrong mount is not


class FileProvider:
    """Reads the folder at each call, so that a swapped link is seen."""

    name = "file"

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    async def read(self) -> SecretSet:
        """Return what the files hold.

        Raises:
            SecretsUnavailable: the folder, a file or a field is missing or unreadable.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> SecretSet:
        where = f"the folder {self._directory} (secrets.file.directory)"
        try:
            files = [
                path
                for path in sorted(self._directory.iterdir())
                if path.is_file() and not path.name.startswith(".")
            ]
            fields = {path.name: Secret(_text(path)) for path in files}
        except FileNotFoundError as error:
            raise SecretsUnavailable("not_found", f"{where} is not there") from error
        except PermissionError as error:
            raise SecretsUnavailable(
                "permission", f"{where} cannot be read by this user"
            ) from error
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise SecretsUnavailable(
                "malformed", f"{where} has a file that is no short UTF-8 text"
            ) from error
        return required(fields, where=where, version=version_of(fields))

    async def close(self) -> None:
        """Nothing is held."""


def _text(path: Path) -> str:
    data = path.read_bytes()
    if len(data) > _LARGEST:
        raise ValueError("too long for a secret")
    return data.decode().strip()
