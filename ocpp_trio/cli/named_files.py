"""Files that the shell named, read before anything depends on them, so that what is wrong has the option's name."""

import ssl
from pathlib import Path


def read_file(option: str, path: Path) -> bytes:
    """What is in a file. Raises ValueError."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ValueError(f"cannot read {option} {path}: {wrong.strerror or wrong}") from None


def read_text(option: str, path: Path) -> str:
    """The same as text. Raises ValueError."""
    try:
        return read_file(option, path).decode()
    except UnicodeDecodeError:
        raise ValueError(f"cannot use {option} {path}: expected UTF-8 text") from None


def check_ca(option: str, path: Path) -> None:
    """Raise ValueError unless there are certificates in it."""
    read_file(option, path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as wrong:
        raise ValueError(f"cannot use {option} {path}: {_words(wrong)}") from None


def check_pair(option: str, certificate: Path, key_option: str, key: Path | None) -> None:
    """Raise ValueError unless there are a certificate and its key; without a path the key is beside the certificate."""
    used = f"cannot use {option} {certificate}"
    if b"PRIVATE KEY-----" not in read_file(option, certificate) and key is None:
        raise ValueError(f"{used}: expected a private key in it, or {key_option} beside it")
    if key is not None:
        read_file(key_option, key)
        used += f" with {key_option} {key}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key)
    except ssl.SSLError as wrong:
        raise ValueError(f"{used}: {_words(wrong)}") from None


def _words(wrong: ssl.SSLError) -> str:
    """OpenSSL's reason; it has none for a file in which it finds no PEM at all."""
    reason = getattr(wrong, "reason", None)  # nobody but OpenSSL sets it
    return reason.lower().replace("_", " ") if reason else "expected a certificate and its private key as PEM"
