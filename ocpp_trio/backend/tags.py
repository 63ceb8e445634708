"""Which id tag may charge: known tags, and the policy for the others.

Owns the comparison of tags: they are CiStrings, compared without regard to case (OCPP 1.6 section 7.28).
"""

from collections.abc import Mapping

import attrs

from ocpp_trio import v16


@attrs.frozen(kw_only=True)
class TagPolicy:
    """What a tag may do beyond what is known of it."""

    unknown: v16.AuthorizationStatus = v16.AuthorizationStatus.ACCEPTED
    """The status of a tag that nobody has told of (OCPP 1.6 section 7.2 names Invalid)."""
    concurrent: bool = True
    """Whether a tag that charges already may start a second transaction."""

    def status(self, known: v16.AuthorizationStatus | None) -> v16.AuthorizationStatus:
        """The status of a tag that is presented."""
        return self.unknown if known is None else known

    def judge(self, known: v16.AuthorizationStatus | None, *, charges_already: bool) -> v16.AuthorizationStatus:
        """The status of a tag that begins a transaction: the only moment for ConcurrentTx."""
        status = self.status(known)
        refuse = status is v16.AuthorizationStatus.ACCEPTED and charges_already and not self.concurrent
        return v16.AuthorizationStatus.CONCURRENT_TX if refuse else status


class IdTags:
    """Known tags and their status. Raises ValueError if two tags of the list differ in case only."""

    def __init__(self, known: Mapping[str, v16.AuthorizationStatus] | None = None) -> None:
        known = known or {}
        self._known = {tag.casefold(): (tag, status) for tag, status in known.items()}
        if len(self._known) != len(known):
            raise ValueError(f"expected tags that differ in more than case, found {sorted(known)!r}")

    def status(self, id_tag: str) -> v16.AuthorizationStatus | None:
        """What is known of this tag; None if nothing is."""
        _, status = self._known.get(id_tag.casefold(), (id_tag, None))
        return status

    def put(self, id_tag: str, status: v16.AuthorizationStatus) -> None:
        """This tag may do this from now on."""
        self._known[id_tag.casefold()] = (id_tag, status)

    def remove(self, id_tag: str) -> None:
        """Nothing is known of this tag any more."""
        self._known.pop(id_tag.casefold(), None)

    def snapshot(self) -> Mapping[str, v16.AuthorizationStatus]:
        """All that are known, as they were last written, in the order of their letters."""
        return dict(sorted(self._known.values()))
