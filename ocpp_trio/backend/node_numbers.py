"""The numbers of nodes: one for each name, from 0, the same ever after.

Owns what is a conflict, and the words for it. The server of the bus gives the numbers and may forget them all; a node's
store remembers its own, and whoever has one tells it at every connection.
"""

from collections.abc import Mapping
from typing import Final

import attrs

CLAIM: Final = """
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept then return kept .. ' ' .. ARGV[1] end
local known, free = tonumber(ARGV[2]), 0
local all = redis.call('HGETALL', KEYS[1])
for place = 1, #all, 2 do
    local number = tonumber(all[place + 1])
    if number == known then return number .. ' ' .. all[place] end
    free = math.max(free, number + 1)
end
local number = known or free
redis.call('HSET', KEYS[1], ARGV[1], number)
return number .. ' ' .. ARGV[1]
"""
"""For Redis: the number of the name ARGV[1], a space, and whose it is. KEYS[1] is the hash of all numbers, ARGV[2]
is the number that the node has already, or empty."""


class NumberConflict(Exception):
    """The number in a node's store is not the one that the server has for it."""


@attrs.frozen
class Claimed:
    """A number, and the node that has it."""

    number: int
    holder: str


def claim_from(numbers: dict[str, int], name: str, known: int | None) -> Claimed:
    """What `CLAIM` does, with the numbers in memory."""
    if name in numbers:
        return Claimed(numbers[name], name)
    holder = _holder_of(numbers, known)
    if known is not None and holder is not None:
        return Claimed(known, holder)
    numbers[name] = max(numbers.values(), default=-1) + 1 if known is None else known
    return Claimed(numbers[name], name)


def _holder_of(numbers: Mapping[str, int], known: int | None) -> str | None:
    return next((holder for holder, number in numbers.items() if number == known), None)


@attrs.define
class NodeNumber:
    """The number of the node at this end of a bus, once it has one."""

    name: str | None = None
    number: int | None = None

    def hold(self, name: str, number: int | None) -> None:
        """From now on this is what is told to the server."""
        self.name, self.number = name, number

    def settle(self, claimed: Claimed) -> int:
        """The number, once the server has answered. Raises NumberConflict."""
        expected = f"expected number {self.number} for node {self.name!r}, as its store says"
        if claimed.holder != self.name:
            raise NumberConflict(
                f"{expected}, found it given to node {claimed.holder!r}: "
                "give the store back to that node, or start one of the two under a new name with a new store"
            )
        if self.number not in (None, claimed.number):
            raise NumberConflict(
                f"{expected}, found number {claimed.number} at the server: "
                "give this node its own store, or the name that the store was used under"
            )
        self.number = claimed.number
        return claimed.number
