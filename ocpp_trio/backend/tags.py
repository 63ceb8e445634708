"""Which id tag may charge: a policy over a list of tags, or none at all.

Owns the comparison of tags: they are CiStrings, compared without regard to case (OCPP 1.6 section 7.28).
"""

from collections.abc import Mapping

from ocpp_trio import v16


class IdTags:
    """Known tags and their status; without a list every tag is accepted.

    Raises ValueError if two tags of the list differ in case only.
    """

    def __init__(self, known: Mapping[str, v16.AuthorizationStatus] | None = None) -> None:
        self._known = None if known is None else {tag.casefold(): status for tag, status in known.items()}
        if known is not None and self._known is not None and len(self._known) != len(known):
            raise ValueError(f"expected tags that differ in more than case, found {sorted(known)!r}")

    def status(self, id_tag: str) -> v16.AuthorizationStatus:
        """What this tag may do; a tag that a list does not name is Invalid (OCPP 1.6 section 7.2)."""
        if self._known is None:
            return v16.AuthorizationStatus.ACCEPTED
        return self._known.get(id_tag.casefold(), v16.AuthorizationStatus.INVALID)
