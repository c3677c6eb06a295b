"""Options of the listeners."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """TLS on the proxy listener; without a certificate it speaks plain HTTP."""

    cert_file: str | None = None  # the certificate and its chain, PEM
    key_file: str | None = None
    client_ca_file: str | None = None  # asks for client certificates signed by these
