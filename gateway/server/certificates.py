"""Holds the TLS context of the proxy listener, and reloads its files."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from gateway.server.options import TlsOptions

Loaded = Literal["none", "loaded", "refused"]
_FIRST: Final = ssl.TLSVersion.TLSv1_2
_MISMATCH: Final = "KEY_VALUES_MISMATCH"


def _ignore(event: str, **fields: Any) -> None:
    """Report nothing."""


class Certificates:
    """The certificate files in use; a reload replaces them with new ones if valid."""

    def __init__(
        self, files: TlsOptions, on_event: Callable[..., Any] = _ignore
    ) -> None:
        """Read the files.

        Args:
            files: Where they are.
            on_event: Takes an event's name and safe fields, for the log.

        Raises:
            OSError: One cannot be read, or holds no certificate or key.
        """
        self._files = files
        self._on_event = on_event
        self.trouble: str | None = None  # why the newest files are not used
        self.context: ssl.SSLContext | None = None
        if files.cert_file is None:
            return
        try:
            self.context = self._newest = self._load()
        except OSError as error:  # ssl's errors are among them
            raise OSError(error.errno, self._fault(error)) from None
        # The listener keeps the first context, and each handshake switches to the
        # newest: the CAs that a context trusts can be added to, but not removed.
        self.context.sni_callback = self._choose

    def reload(self) -> Loaded:
        """Read the files again, for later connections.

        Returns:
            `none` without TLS, `loaded`, or `refused` where the new files are invalid
            and the old ones stay in use.
        """
        if self.context is None:
            return "none"
        try:
            self._newest = self._load()
        except OSError as error:
            self.trouble = self._fault(error)
            self._on_event("certificate_refused", detail=self.trouble)
            return "refused"
        self.trouble = None
        self._on_event("certificate_loaded", file=self._files.cert_file)
        return "loaded"

    def _fault(self, error: OSError) -> str:
        """Return what is wrong with the files; the errors of OpenSSL name no file."""
        files = self._files
        named = {
            "cert_file": files.cert_file,
            "key_file": files.key_file,
            "client_ca_file": files.client_ca_file,
        }
        for name, path in named.items():
            if path is not None and not _readable(path):
                return f"listen.tls.{name}: {path} is missing, or cannot be read"
        pair = f"{files.cert_file} (cert_file) and {files.key_file} (key_file)"
        if isinstance(error, ssl.SSLError) and error.reason == _MISMATCH:
            return f"listen.tls: {pair} do not belong together"
        try:
            _pair(files)
        except OSError:
            return f"listen.tls: {pair} hold no certificate and key that can be used"
        return f"listen.tls.client_ca_file: {files.client_ca_file} holds no certificate"

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        files = self._files
        context = _pair(files)
        if files.client_ca_file is not None:
            context.load_verify_locations(cafile=files.client_ca_file)
            # Requested, not required: a caller may have a token instead.
            context.verify_mode = ssl.CERT_OPTIONAL
            # A resumed session would keep a verification from before a reload, and
            # the session cache of TLS 1.2 cannot be disabled from here.
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.num_tickets = 0
        return context


def _pair(files: TlsOptions) -> ssl.SSLContext:
    """Return a context with the certificate and its key.

    Raises:
        OSError: They cannot be read, or do not belong together.
    """
    assert files.cert_file is not None  # noqa: S101 - the callers check it
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _FIRST
    # OpenSSL would prompt on the terminal for the password of an encrypted key.
    context.load_cert_chain(files.cert_file, files.key_file, password=lambda: "")
    return context


def _readable(path: str) -> bool:
    try:
        with Path(path).open("rb"):
            return True
    except OSError:
        return False
