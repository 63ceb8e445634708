"""How often somebody may fail: a limit per address, per identity, and per identity at an address that it is known at.

Owns the counts, each in a table of bounded size, on trio's clock.
"""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import attrs
import trio

from ocpp_trio.csms.authentication import FAILED, Acceptance, Authenticator, Credentials, Refusal
from ocpp_trio.errors import SecurityEventKind
from ocpp_trio.link.addresses import network_of

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

TRACKED: Final = 10_000
"""Keys in each table; the one that failed (or succeeded) longest ago is forgotten first."""


class AttemptLimit:
    """An authenticator around another that refuses with 429 and Retry-After, unasked, who failed too often.

    An address may fail `per_address` times in `seconds`, an identity `per_identity` times; 401, 403 and 404 are
    failures. Addresses of IPv6 count by their /64. To fail as CP-1 must not lock the real CP-1 out: one address alone
    comes to its own limit before it reaches the identity's, and an identity that was accepted from an address
    before has a count of its own there, of `per_address` failures, whatever others do. The first who is not heard
    because of such a count is a security event, the others in the `seconds` that follow are none.

    Behind a proxy or a NAT all stations share an address: those that were accepted once are not touched by the
    failures of others, new ones are. No more attempts run at the same time than may still fail; others wait for
    those to end, as long as the handshake deadline lets them. After a restart nothing is remembered.

    Raises ValueError for limits that are not positive, or for an identity's that is not above an address's.
    """

    def __init__(
        self, authenticator: Authenticator, *, per_address: int = 10, per_identity: int = 50, seconds: float = 60.0
    ) -> None:
        if not 0 < per_address < per_identity or not 0 < seconds < math.inf:
            raise ValueError(
                "expected 0 < per_address < per_identity and a positive number of seconds, "
                f"found {per_address}, {per_identity} and {seconds}"
            )
        self._authenticator = authenticator
        self._addresses = _Failures(per_address, seconds)
        self._identities = _Failures(per_identity, seconds)
        self._acquainted = _Failures(per_address, seconds)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._one_ended = trio.Event()

    async def __call__(self, credentials: Credentials) -> Acceptance | Refusal:
        """Ask the other one, unless there were too many failures. Cancelling counts nothing."""
        pair = (credentials.identity, network_of(credentials.peer))
        while True:
            counts = self._counts_of(pair)
            if all(count.has_room for count in counts):
                break
            wait = max(count.wait for count in counts)
            if wait > 0:
                return _not_heard(wait, news=_are_news(counts))
            await self._one_ended.wait()
        with self._running(counts) as attempt:
            verdict = await self._authenticator(credentials)
            if credentials.defect is not None or (isinstance(verdict, Refusal) and verdict.status in FAILED):
                attempt.failed = True
            elif isinstance(verdict, Acceptance) and verdict.authenticated:
                _put_last(self._known, pair, None)
        return verdict

    def _counts_of(self, pair: tuple[str, str]) -> tuple["_Count", ...]:
        if pair in self._known:
            return (_Count(self._acquainted, pair),)
        identity, address = pair
        return (_Count(self._addresses, address), _Count(self._identities, identity))

    @contextmanager
    def _running(self, counts: tuple["_Count", ...]) -> Iterator["_Attempt"]:
        """Take the place of a failure until it is known whether it is one."""
        attempt = _Attempt()
        for count in counts:
            count.table.begin(count.key)
        try:
            yield attempt
        finally:
            for count in counts:
                count.table.end(count.key, failed=attempt.failed)
            self._one_ended.set()
            self._one_ended = trio.Event()


def _are_news(counts: tuple["_Count", ...]) -> bool:
    told = [count.tell() for count in counts if count.wait > 0]  # each of them, also behind one that is news
    return any(told)


def _not_heard(wait: float, *, news: bool) -> Refusal:
    offence = SecurityEventKind.TOO_MANY_ATTEMPTS if news else None
    headers = [(b"Retry-After", b"%d" % math.ceil(wait))]
    return Refusal(429, "too many failed attempts", headers=headers, offence=offence)


@attrs.define
class _Attempt:
    failed: bool = False


class _Failures:
    """When each of many failed lately, and how many attempts of each are running."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._running: Counter[Hashable] = Counter()
        self._told: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def wait(self, key: Hashable) -> float:
        """Seconds until another attempt is judged; 0 or less for now."""
        times = self._times.get(key)
        if times is None or len(times) < self._limit:
            return 0.0
        return times[0] + self._seconds - trio.current_time()

    def has_room(self, key: Hashable) -> bool:
        """Whether the limit is kept if this one fails and so do all that are running."""
        since = trio.current_time() - self._seconds
        failed = sum(at > since for at in self._times.get(key, ()))
        return failed + self._running[key] < self._limit

    def tell(self, key: Hashable) -> bool:
        """Whether it is to be told that this one is not heard: once in a while is enough."""
        now, last = trio.current_time(), self._told.get(key)
        if last is not None and now - last < self._seconds:
            return False
        _put_last(self._told, key, now)
        return True

    def begin(self, key: Hashable) -> None:
        self._running[key] += 1

    def end(self, key: Hashable, *, failed: bool) -> None:
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        if failed:
            self._note(key)

    def _note(self, key: Hashable) -> None:
        times = self._times.pop(key, None) or deque[float](maxlen=self._limit)
        times.append(trio.current_time())
        _put_last(self._times, key, times)


@attrs.frozen
class _Count:
    """One that an attempt counts for."""

    table: _Failures
    key: Hashable

    @property
    def has_room(self) -> bool:
        return self.table.has_room(self.key)

    @property
    def wait(self) -> float:
        return self.table.wait(self.key)

    def tell(self) -> bool:
        return self.table.tell(self.key)


def _put_last(table: OrderedDict[KeyT, ValueT], key: KeyT, value: ValueT) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > TRACKED:
        table.popitem(last=False)
