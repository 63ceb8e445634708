"""`ocpp-trio password`: a line for the CSMS's password file."""

import secrets

from ocpp_trio import hash_password
from ocpp_trio.cli.exit_codes import USAGE
from ocpp_trio.cli.security import key_of
from ocpp_trio.cli.terminal import Terminal

KEY_BYTES = 20
"""What OCPP-J has always allowed, and all that its security extension does."""


def run(terminal: Terminal, identity: str, *, password: str | None) -> int:
    """Say the line, and on stderr the key where it is a new one; the exit code."""
    try:
        if not identity or ":" in identity or not identity.isprintable() or identity.strip() != identity:
            raise ValueError(f"expected an identity without colons and without spaces around it, found {identity!r}")
        key = secrets.token_bytes(KEY_BYTES) if password is None else key_of(password)
    except ValueError as wrong:
        terminal.complain(str(wrong))
        return USAGE
    if password is None:
        terminal.complain(f"the AuthorizationKey of {identity} is {key.hex().upper()}")
    terminal.say(f"{identity}:{hash_password(key)}")
    return 0
