"""The certificate that a listener shows: it is renewed every few weeks, and mailbot runs on."""

from __future__ import annotations

import logging
import os
import ssl
from datetime import datetime
from pathlib import Path

from mailbot.errors import ConfigError
from mailbot.observe import log_event


class Certificate:
    """Two PEM files, read again when one of them has changed. Raises ConfigError when they are wrong at first."""

    def __init__(self, certificate: str, key: str) -> None:
        self._files = certificate, key
        self._seen = self._look()
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        """For a connection that begins now. What is wrong, or half written, is told, and the last good one goes on."""
        if (found := self._look()) != self._seen:
            self._seen = found
            try:
                self._context = self._read()
            except ConfigError as error:
                log_event("certificate-refused", level=logging.ERROR, reason=error.reason)
            else:
                log_event("certificate-taken")
        return self._context

    def refuse_ended(self, now: datetime) -> None:
        """Raises ConfigError when the certificate is one no longer, or not yet."""
        from cryptography import x509

        shown = x509.load_pem_x509_certificate(Path(self._files[0]).read_bytes())
        if not shown.not_valid_before_utc <= now <= shown.not_valid_after_utc:
            span = f"from {shown.not_valid_before_utc:%Y-%m-%d %H:%M} to {shown.not_valid_after_utc:%Y-%m-%d %H:%M}Z"
            raise ConfigError(f"tls_certificate: it is good {span}; mend: renew it, a new one is taken by itself")

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_identity(file) for file in self._files]

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(*self._files)
        except OSError as error:  # also ssl.SSLError
            reason = f"tls_certificate: {', '.join(self._files)}: {error}; mend: name a PEM certificate and its key"
            raise ConfigError(reason) from error
        return context


def _identity(file: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116  # each connection asks
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
