"""Secrets from files, one a field, as CSI drivers and Vault Agent write them."""

import asyncio
from pathlib import Path
from typing import Final

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretSet, SecretsUnavailable, required
from gateway.secrets.version import version_of

_LARGEST: Final = 64 * 1024  # bytes; a secret is shorter, a wrong mount is not
_SWAPPED: Final = "..data"  # the link that Kubernetes points at the next set of files
_ATTEMPTS: Final = 3  # while the link changes during a read


class FileProvider:
    """Reads the folder at each call, so that a change needs no restart."""

    name = "file"
    max_interval = 5.0  # s; there is no notice of a change, and a read is cheap
    expires_in = None
    warning = None

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    async def read(self) -> SecretSet:
        """Return the fields that the files hold.

        Raises:
            SecretsUnavailable: the folder, a file or a field is missing or unreadable.
        """
        return await asyncio.to_thread(self._read)

    def _read(self) -> SecretSet:
        where = f"the folder {self._directory} (secrets.file.directory)"
        try:
            fields = self._fields()
        except FileNotFoundError:
            raise SecretsUnavailable("not_found", f"{where} is not there") from None
        except NotADirectoryError:
            raise SecretsUnavailable("not_found", f"{where} is no folder") from None
        except PermissionError:
            raise SecretsUnavailable(
                "permission", f"{where} cannot be read by this user"
            ) from None
        except (OSError, ValueError):
            # Not chained: the error holds the bytes that are not UTF-8.
            raise SecretsUnavailable(
                "malformed", f"{where} has a file that is no short UTF-8 text"
            ) from None
        return required(fields, where=where, version=version_of(fields))

    def _fields(self) -> dict[str, Secret]:
        """Return all fields, of one set of files.

        Raises:
            OSError: a file is missing, or may not be read.
            ValueError: a file is too long, or not UTF-8.
        """
        last = _ATTEMPTS - 1
        for attempt in range(_ATTEMPTS):
            before = self._generation()
            try:
                fields = {path.name: Secret(_text(path)) for path in self._files()}
            except FileNotFoundError:
                if attempt == last:
                    raise
                continue
            if self._generation() == before or attempt == last:
                return fields
        raise FileNotFoundError

    def _files(self) -> list[Path]:
        return [
            path
            for path in sorted(self._directory.iterdir())
            if not path.name.startswith(".") and path.is_file()
        ]

    def _generation(self) -> str:
        link = self._directory / _SWAPPED
        return str(link.readlink()) if link.is_symlink() else ""

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def _text(path: Path) -> str:
    # Bounded: it may be a device.
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("too long for a secret")
    return data.decode().strip()
