"""One bucket of tokens for all networks, of which none alone can take the last half.

Owns what each network took lately, in a table of bounded size.
"""

from collections import OrderedDict
from random import Random
from typing import Final

from ocpp_trio.csms.token_bucket import TokenBucket

SHARE: Final = 16
"""Attempts of one network in a row that may use the last half: a site whose stations all come back at once."""
SHARE_PER_SECOND: Final = 1.0
"""How fast they come back: a station that is refused stays away for longer than a second."""
TRACKED: Final = 4096
"""The network that came longest ago is forgotten first, and has its whole share again. That costs it the same time."""


class Rations:
    """Tokens as in a `TokenBucket`. The lower half is for networks that took at most their share lately."""

    def __init__(self, rate: float, size: int, rng: Random) -> None:
        self._bucket = TokenBucket(rate, size, rng)
        self._kept = size // 2
        self._rng = rng
        self._shares: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._shares)

    def take(self, network: str) -> bool:
        """Take a token for a network, if there is one that it may have. An attempt counts either way."""
        modest = self._share_of(network).take()
        return self._bucket.take(leave=0 if modest else self._kept)

    def wait_of_refused(self) -> int:
        """As `TokenBucket.wait_of_refused`."""
        return self._bucket.wait_of_refused()

    def _share_of(self, network: str) -> TokenBucket:
        share = self._shares.get(network)
        if share is None:
            share = self._shares[network] = TokenBucket(SHARE_PER_SECOND, SHARE, self._rng)
        self._shares.move_to_end(network)
        if len(self._shares) > TRACKED:
            self._shares.popitem(last=False)
        return share
