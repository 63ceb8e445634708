"""How often somebody may fail: a limit per address, per identity, and per identity at an address that it is known at.

Owns the counts, each in a table of bounded size, on trio's clock.
"""

import ipaddress
import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

import trio

from ocpp_trio.csms.authentication import Acceptance, Authenticator, Credentials, Refusal

TRACKED: Final = 10_000
"""Keys in each table; the one that failed (or succeeded) longest ago is forgotten first."""
_FAILED: Final = (401, 403, 404)

KeyT = TypeVar("KeyT", bound=Hashable)


class AttemptLimit:
    """An authenticator around another that refuses with 429 and Retry-After, unasked, who failed too often.

    An address may fail `per_address` times in `seconds`, an identity `per_identity` times; 401, 403 and 404 are
    failures. Addresses of IPv6 count by their /64. To fail as CP-1 must not lock the real CP-1 out: one address alone
    comes to its own limit before it reaches the identity's, and an identity that was accepted from an address
    before has a count of its own there, of `per_address` failures, whatever others do.

    Behind a proxy or a NAT all stations share an address: those that were accepted once are not touched by the
    failures of others, new ones are. Attempts that run at the same time are all judged, at most as many as
    there are pending handshakes. After a restart nothing is remembered.

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
        self._addresses = _Failures[str](per_address, seconds)
        self._identities = _Failures[str](per_identity, seconds)
        self._acquainted = _Failures[tuple[str, str]](per_address, seconds)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def __call__(self, credentials: Credentials) -> Acceptance | Refusal:
        """Ask the other one, unless there were too many failures."""
        address, identity = network_of(credentials.peer), credentials.identity
        pair = (identity, address)
        if pair in self._known:
            wait = self._acquainted.wait(pair)
        else:
            wait = max(self._addresses.wait(address), self._identities.wait(identity))
        if wait > 0:
            return Refusal(429, "too many failed attempts", headers=[(b"Retry-After", b"%d" % math.ceil(wait))])
        verdict = await self._authenticator(credentials)
        if isinstance(verdict, Acceptance):
            self._note_success(pair, verdict)
        elif verdict.status in _FAILED:
            self._note_failure(pair)
        return verdict

    def _note_success(self, pair: tuple[str, str], verdict: Acceptance) -> None:
        if verdict.authenticated:
            _put_last(self._known, pair)

    def _note_failure(self, pair: tuple[str, str]) -> None:
        if pair in self._known:
            self._acquainted.note(pair)
            return
        identity, address = pair
        self._addresses.note(address)
        self._identities.note(identity)


class _Failures(Generic[KeyT]):
    """When each of many failed lately."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: OrderedDict[KeyT, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def wait(self, key: KeyT) -> float:
        """Seconds until another attempt is judged; 0 or less for now."""
        times = self._times.get(key)
        if times is None or len(times) < self._limit:
            return 0.0
        return times[0] + self._seconds - trio.current_time()

    def note(self, key: KeyT) -> None:
        times = self._times.pop(key, None) or deque[float](maxlen=self._limit)
        times.append(trio.current_time())
        self._times[key] = times
        if len(self._times) > TRACKED:
            self._times.popitem(last=False)


def _put_last(table: OrderedDict[KeyT, None], key: KeyT) -> None:
    table[key] = None
    table.move_to_end(key)
    if len(table) > TRACKED:
        table.popitem(last=False)


def network_of(peer: str) -> str:
    """Who is counted as one: the host of `host:port`, and for IPv6 the /64, of which anybody may have a whole one."""
    host = peer.rpartition(":")[0] or peer
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:  # a listener for both families sees IPv4 peers like this
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
