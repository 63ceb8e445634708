"""Transaction ids that no two nodes hand out.

Owns how the ids are divided. An id is a positive 32-bit signed integer: OCPP 1.6 only says integer, and there are
stations that keep it in 32 bits. Nodes that share a file take turns at its one counter. Nodes with a file each have
a range each: node 1 of 4 hands out the second quarter.
"""

from typing import Final

import attrs

LARGEST_ID: Final = 2**31 - 1


@attrs.frozen
class IdRange:
    """The ids of node number `node` (from 0) out of `nodes`.

    One node alone has them all. It may become node 0 of several later, as long as it has not used up that part:
    ranges begin where they begin, whatever was handed out before.
    """

    node: int = 0
    nodes: int = 1

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.node < self.nodes <= LARGEST_ID:
            raise ValueError(f"expected a node of 0 to {self.nodes - 1}, found {self.node!r} of {self.nodes!r}")

    @property
    def first(self) -> int:
        """The smallest id of this node."""
        return self.node * (LARGEST_ID // self.nodes) + 1

    @property
    def last(self) -> int:
        """The largest id of this node."""
        return (self.node + 1) * (LARGEST_ID // self.nodes)

    def __str__(self) -> str:
        return f"ids {self.first} to {self.last} of node {self.node} of {self.nodes}"
