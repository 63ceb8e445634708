"""Passwords that nobody has to keep: salted scrypt hashes, and an authenticator over a mapping of them.

Owns the text form of a hash. Must not know how many may try: that is `attempts`.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Self

import attrs
import trio

from ocpp_trio.csms.authentication import Acceptance, Credentials, Refusal

RunBlocking = Callable[[Callable[[], bool]], Awaitable[bool]]

REMEMBERED: Final = 10_000
"""Passwords that were right, remembered as keyed digests; the one not seen for longest is forgotten first."""
THREADS: Final = 2
"""Hashes computed at the same time, of 16 MiB and some 50 ms each; whoever comes meanwhile waits in line."""
_COST: Final = 14
_SALT: Final = 16
_NAME: Final = "scrypt-sha256"
"""scrypt of the SHA-256 of a password: to scrypt itself K, K with zeros behind it and, if long, its SHA-256 are one."""
_PARAMETERS: Final = r"ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})"
_FORM: Final = re.compile(rf"\${_NAME}\${_PARAMETERS}\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_DIGITS: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")
_WRONG: Final = Refusal(401, "wrong identity or password")


@attrs.frozen
class _Hash:
    """A hash and how it was made: `cost` is the logarithm of scrypt's N."""

    cost: int
    block: int
    lanes: int
    salt: bytes
    digest: bytes = attrs.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _FORM.fullmatch(text)
        try:
            if found is None:
                raise binascii.Error
            cost, block, lanes = (int(part) for part in found.group(1, 2, 3))
            salt, digest = (_unpadded(part) for part in found.group(4, 5))
        except binascii.Error:
            raise ValueError(f"expected a hash made by hash_password, like ${_NAME}$ln=14,r=8,p=1$…$…") from None
        if not (1 <= cost <= 20 and 1 <= block <= 32 and 1 <= lanes <= 16 and len(digest) >= 16):
            raise ValueError(f"expected scrypt of ln 1 to 20, r 1 to 32, p 1 to 16, found {text.rpartition('$')[0]!r}")
        return cls(cost, block, lanes, salt, digest)

    def fits(self, password: bytes) -> bool:
        found = _scrypt(password, self.salt, self.cost, self.block, self.lanes, len(self.digest))
        return hmac.compare_digest(found, self.digest)


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _scrypt(password: bytes, salt: bytes, cost: int, block: int, lanes: int, length: int) -> bytes:
    memory = 128 * block * (2**cost + lanes + 2)
    fixed = hashlib.sha256(password).digest()
    return hashlib.scrypt(fixed, salt=salt, n=2**cost, r=block, p=lanes, dklen=length, maxmem=memory + 1024 * 1024)


def hash_password(password: bytes, *, cost: int = _COST) -> str:
    """A salted scrypt hash as text, with its parameters: what a CSMS stores of an AuthorizationKey.

    `cost` is the binary logarithm of scrypt's N; each step doubles memory and time. Blocks for some 50 ms at
    the default. The text has no colon.
    """
    salt = secrets.token_bytes(_SALT)
    digest = _scrypt(password, salt, cost, 8, 1, 32)
    encoded = (base64.b64encode(part).decode().rstrip("=") for part in (salt, digest))
    return f"${_NAME}$ln={cost},r=8,p=1${'$'.join(encoded)}"


# For identities that nobody knows: to learn which exist must not be a matter of a stopwatch.
_NOBODY: Final = _Hash(_COST, 8, 1, bytes(_SALT), bytes(32))


def _in_threads() -> RunBlocking:
    limiter = trio.CapacityLimiter(THREADS)

    async def run(check: Callable[[], bool]) -> bool:
        return await trio.to_thread.run_sync(check, limiter=limiter)

    return run


class PasswordHashes:
    """An authenticator for security profiles 1 and 2: identities and the hashes of their passwords.

    The mapping is read at every attempt, so a key that was changed counts from the next one on;
    it has to be quick, and is not copied. A password that was right is remembered as a digest
    keyed with a secret of this process: a fleet that reconnects after an outage is not hashed once more.
    Unknown identities take as long as known ones. `accept_digits` is for stations that send the hexadecimal
    digits of their key where its bytes belong; it doubles the cost of a wrong password.

    Cancelling an attempt waits for a hash that is being computed. Raises ValueError for a hash that
    `hash_password` has not made.
    """

    def __init__(
        self,
        hashes: Mapping[str, str],
        *,
        accept_digits: bool = False,
        run_blocking: RunBlocking | None = None,
    ) -> None:
        for identity, text in hashes.items():
            _parse_for(identity, text)
        self._hashes = hashes
        self._accept_digits = accept_digits
        self._run_blocking = run_blocking or _in_threads()
        self._secret = os.urandom(32)
        self._remembered: OrderedDict[str, bytes] = OrderedDict()

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], *, accept_digits: bool = False) -> Self:
        """Hashes out of a file with a line `identity:hash` for each; `#` begins a comment line.

        Reads the file once. Raises OSError, and ValueError with the number of the line that is wrong.
        """
        with open(path, encoding="utf-8") as lines:
            return cls(dict(_entries(lines)), accept_digits=accept_digits)

    async def __call__(self, credentials: Credentials) -> Acceptance | Refusal:
        """Accept whoever has the password of its identity; everybody else is refused with 401."""
        if credentials.password is None:
            return Refusal(401, "expected a password", nothing_shown=True)
        if not await self._is_right(credentials.identity, credentials.password):
            return _WRONG
        return Acceptance(authenticated=True, profile=2 if credentials.tls else 1)

    async def _is_right(self, identity: str, password: bytes) -> bool:
        text = self._hashes.get(identity)
        digest = self._digest(text or "", password)
        if text is not None and hmac.compare_digest(self._remembered.get(identity, b""), digest):
            self._remembered.move_to_end(identity)
            await trio.lowlevel.checkpoint()
            return True
        expected = _NOBODY if text is None else _parse_for(identity, text)
        candidates = self._candidates(password)
        right = await self._run_blocking(lambda: any(expected.fits(candidate) for candidate in candidates))
        if right and text is not None:
            self._remember(identity, digest)
        return right and text is not None

    def _candidates(self, password: bytes) -> tuple[bytes, ...]:
        if self._accept_digits and _DIGITS.fullmatch(password):
            return (password, bytes.fromhex(password.decode()))
        return (password,)

    def _digest(self, text: str, password: bytes) -> bytes:
        """Also of the hash, so that nothing is remembered beyond a change of the key."""
        return hmac.digest(self._secret, b"%d:%b%b" % (len(text), text.encode(), password), "sha256")

    def _remember(self, identity: str, digest: bytes) -> None:
        self._remembered[identity] = digest
        self._remembered.move_to_end(identity)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)


def _parse_for(identity: str, text: str) -> _Hash:
    try:
        return _Hash.parse(text)
    except ValueError as wrong:
        raise ValueError(f"the hash of {identity!r}: {wrong}") from None


def _entries(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        identity, colon, text = stripped.partition(":")
        try:
            if not (identity and colon):
                raise ValueError("expected identity:hash")
            if identity in seen:
                raise ValueError(f"expected every identity once, found {identity!r} again")
            _Hash.parse(text)
        except ValueError as wrong:
            raise ValueError(f"line {number}: {wrong}") from None
        seen.add(identity)
        yield identity, text
