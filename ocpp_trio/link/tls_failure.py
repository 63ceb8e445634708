"""What OpenSSL means, in words for the one who has to mend it.

Pure: from an exception to a sentence.
"""

import re
import ssl
from collections.abc import Mapping
from typing import Final

FOUND_HTTP: Final = "expected TLS, found a plain HTTP request"
_MEANING: Final[Mapping[str, str]] = {
    "HTTP_REQUEST": FOUND_HTTP,
    "HTTPS_PROXY_REQUEST": FOUND_HTTP,
    "WRONG_VERSION_NUMBER": "expected TLS, found something else",
    "UNSUPPORTED_PROTOCOL": "expected TLS 1.2 or newer, found an older version",
    "VERSION_TOO_LOW": "expected TLS 1.2 or newer, found an older version",
    "NO_SHARED_CIPHER": "expected a cipher suite in common, found none",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "expected a client certificate, found none",
}

# What came as an alert carries the protocol that defined it.
_ALERT: Final = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(.+)")


def tls_failure(exc: BaseException) -> str | None:
    """A sentence about an error of OpenSSL, or about a stream that broke for one; None for any other error."""
    cause = exc if isinstance(exc, ssl.SSLError) else exc.__cause__
    if not isinstance(cause, ssl.SSLError):
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the peer's certificate is not valid: {cause.verify_message.rstrip('.')}"
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLSyscallError):
        return "the peer closed the connection"
    reason = getattr(cause, "reason", None) or ""  # nobody but OpenSSL sets it
    if reason in _MEANING:
        return _MEANING[reason]
    if (alert := _ALERT.fullmatch(reason)) is not None:
        return f"the peer refused: {_words(alert.group(1))}"
    return _words(reason) if reason else str(cause.args[-1])


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
