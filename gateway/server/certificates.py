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
        try:
            self.context = self._newest = self._load()
        except OSError as error:  # ssl's errors are among them
            raise OSError(error.errno, _UNREADABLE) from None
        # The listener keeps the first context; each handshake takes the newest one,
        # since what a context trusts can be added to, and never taken back.
        self.context.sni_callback = self._choose

    def reload(self) -> Loaded:
        """Read the files again, for connections to come.

        Bad ones are refused, and those from before stay.
        """
        if self.context is None:
            return "none"
        try:
            self._newest = self._load()
        except OSError:
            return "refused"
        return "loaded"

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        files = self._files
        assert files.cert_file is not None  # noqa: S101 - looked at above
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _FIRST
        context.load_cert_chain(files.cert_file, files.key_file)
        if files.client_ca_file is not None:
            context.load_verify_locations(cafile=files.client_ca_file)
            # Asked for and not demanded: a caller may have a token instead.
            context.verify_mode = ssl.CERT_OPTIONAL
            # A resumed session would bring back what was verified before a reload, and
            # what TLS 1.2 remembers by itself cannot be switched off from here.
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.num_tickets = 0
        return context
