"""Where a charge point connects: the CSMS's URL with the identity appended (OCPP-J 1.6 section 3.1.1)."""

from urllib.parse import quote, urlsplit

import attrs

from ocpp_trio.link.limits import IDENTITY_LIMIT


@attrs.frozen(kw_only=True)
class Endpoint:
    """Host and port to dial, and the request target that names the charge point."""

    host: str
    port: int
    resource: str
    tls: bool = False

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.tls) else f"{host}:{self.port}"


def endpoint_of(url: str, identity: str) -> Endpoint:
    """The connection URL of a charge point, taken apart.

    The identity becomes one more path segment, percent-encoded, before any query. Raises ValueError on
    a URL that is no ws or wss URL and on an identity that is empty or longer than 48 characters: what cannot work
    is said here, and not tried for ever.
    """
    if not (1 <= len(identity) <= IDENTITY_LIMIT and identity.isprintable()):
        raise ValueError(f"expected an identity of 1 to {IDENTITY_LIMIT} printable characters, found {identity!r}")
    parts = urlsplit(url)
    if "@" in parts.netloc:  # nobody would send it, and it must not end in a log
        raise ValueError("expected no user name or password in the URL")
    if not (url.isascii() and url.isprintable()) or " " in url or "#" in url:
        raise ValueError(f"expected a percent-encoded URL without a fragment, found {url!r}")
    if parts.scheme not in ("ws", "wss") or not parts.hostname or not _can_be_verified(parts.hostname):
        raise ValueError(f"expected a URL like ws://host:port/path or wss://host:port/path, found {url!r}")
    path = parts.path.rstrip("/") + "/" + quote(identity, safe="")
    resource = f"{path}?{parts.query}" if parts.query else path
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"expected a port of 0 to 65535, found {url!r}") from None
    tls = parts.scheme == "wss"
    return Endpoint(host=parts.hostname, port=_default_port(tls) if port is None else port, resource=resource, tls=tls)


def _default_port(tls: bool) -> int:
    return 443 if tls else 80


def _can_be_verified(host: str) -> bool:
    """Whether TLS would take it for a host name at all."""
    try:
        return not host.startswith(".") and bool(host.encode("idna"))
    except UnicodeError:
        return False
