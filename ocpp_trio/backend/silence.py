"""When the others are listened for, and up to which instant everything was heard.

Owns the measure of a silence: what comes back over the bus of this node itself. All that others wrote before has come
by then, so a bus that hangs is nobody's death, also while nobody knows yet that it does.
"""

import math

import trio


class Silence:
    """From `since` to `until`, instants of trio's clock, everything that was written has come."""

    def __init__(self, beat: float) -> None:
        self._beat = beat
        self._looked_at: float | None = None
        self._is_due = False
        self.since = self.until = -math.inf

    def beat(self) -> None:
        """This node says something now; after a whole beat the others are looked for once it has come back.

        Not only after one without haste: where somebody always comes or goes, there is none.
        """
        now = trio.current_time()
        if self._looked_at is None:
            self._looked_at = now
        elif now >= self._looked_at + self._beat:
            self._looked_at, self._is_due = now, True

    def hear_self(self, age: float) -> bool:
        """A letter of this node has come back that was written so many seconds ago; whether to look for the others."""
        before, self.until = self.until, trio.current_time() - age
        if self.until > before + 2 * self._beat:
            self.since = self.until  # the bus hung, and the others' letters may be behind this one
        due, self._is_due = self._is_due, False
        return due
