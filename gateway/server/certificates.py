"""Which certificate does the proxy listener show, and whose does it ask for?"""

import ssl
from typing import Final, Literal, Protocol

Loaded = Literal["none", "loaded", "refused"]
_UNREADABLE: Final = "listen.tls: a file is missing, or is not what it should be"
_FIRST: Final = ssl.TLSVersion.TLSv1_2


class Files(Protocol):
    """Where they lie; None: there is none."""

    @property
    def cert_file(self) -> str | None:
        """Return the certificate and its chain, PEM."""

    @property
    def key_file(self) -> str | None:
        """Return its key, PEM."""

    @property
    def client_ca_file(self) -> str | None:
        """Return who signs client certificates, PEM."""


class Certificates:
    """The TLS context of a listener, whose files may change."""

    def __init__(self, files: Files) -> None:
        """Read the files.

        Raises:
            OSError: one cannot be read, or holds no certificate or key.
        """
        self._files = files
        self.context: ssl.SSLContext | None = None
        if files.cert_file is None:
            return
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = _FIRST
        try:
            self._load(self.context)
        except OSError as error:  # ssl's errors are among them
            raise OSError(error.errno, _UNREADABLE) from None

    def reload(self) -> Loaded:
        """Read the files again, for connections to come.

        Bad ones are refused, and those from before stay.
        """
        if self.context is None:
            return "none"
        try:
            # Not into the one in use: half of a pair would stay in it.
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            self._load(self.context)
        except OSError:
            return "refused"
        return "loaded"

    def _load(self, context: ssl.SSLContext) -> None:
        assert self._files.cert_file is not None  # noqa: S101 - looked at above
        context.load_cert_chain(self._files.cert_file, self._files.key_file)
        if self._files.client_ca_file is not None:
            context.load_verify_locations(cafile=self._files.client_ca_file)
            # Asked for and not demanded: a caller may have a token instead.
            context.verify_mode = ssl.CERT_OPTIONAL
