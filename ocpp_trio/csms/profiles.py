"""Several ways to prove an identity, and none that is weaker than one that it has used before.

Owns which security profile an identity has reached.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs

from ocpp_trio.csms.authentication import Acceptance, Authenticator, Credentials, Refusal

KEPT: Final = 10_000
"""Identities whose profile is remembered; the one not seen for longest is forgotten first."""


def any_of(*authenticators: Authenticator) -> Authenticator:
    """An authenticator that asks others in turn, until one accepts; else the last one's refusal counts.

    Its detail names the reasons of all that had something to judge, or of all if nothing was shown to any: who comes
    with another one's certificate shall not be told to bring a password.

    Raises ValueError for none at all.
    """
    if not authenticators:
        raise ValueError("expected at least one authenticator")

    async def ask(credentials: Credentials) -> Acceptance | Refusal:
        refusals: list[Refusal] = []
        for authenticator in authenticators:
            verdict = await authenticator(credentials)
            if not isinstance(verdict, Refusal):
                return verdict
            refusals.append(verdict)
        return attrs.evolve(refusals[-1], detail=_telling(refusals))

    return ask


def _telling(refusals: Sequence[Refusal]) -> str:
    judged = [refusal for refusal in refusals if not refusal.nothing_shown] or refusals
    return "; ".join(dict.fromkeys(refusal.detail for refusal in judged if refusal.detail))


class NeverLower:
    """An authenticator around another that lets nobody go back to a lower security profile: 403.

    The highest profile that an identity was accepted with is remembered for as long as this process lives, of
    10,000 identities: after a restart the next connection decides anew. `floor` says for identities what they
    need at the least, whatever they have used before; a mapping that is read at every attempt.

    An acceptance that names no profile counts as 0.
    """

    def __init__(self, authenticator: Authenticator, *, floor: Mapping[str, int] = MappingProxyType({})) -> None:
        self._authenticator = authenticator
        self._floor = floor
        self._reached: OrderedDict[str, int] = OrderedDict()

    def forget(self, identity: str) -> None:
        """Let an identity come with any profile again: somebody lowered it at the station itself."""
        self._reached.pop(identity, None)

    async def __call__(self, credentials: Credentials) -> Acceptance | Refusal:
        """Ask first, so that only who proves to be an identity learns of its profile or raises it."""
        verdict = await self._authenticator(credentials)
        if not isinstance(verdict, Acceptance):
            return verdict
        identity, profile = credentials.identity, verdict.profile or 0
        least = max(self._reached.get(identity, 0), self._floor.get(identity, 0))
        if profile < least:
            return Refusal(403, f"expected security profile {least} or higher, found {profile}")
        if profile:
            self._reached[identity] = profile
            self._reached.move_to_end(identity)
            if len(self._reached) > KEPT:
                self._reached.popitem(last=False)
        return verdict
