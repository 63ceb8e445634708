"""Message ids: unique over all connections of an identity, at most 36 characters (OCPP-J 1.6 section 4.1.4)."""

import re

from ocpp_trio.link.message_ids import new_message_ids
from ocpp_trio.wire.frames import MESSAGE_ID_LIMIT


def test_ids_are_unique_over_many_sources():
    ids = [new_id() for new_id in (new_message_ids() for _ in range(1000)) for _ in range(100)]

    assert len(set(ids)) == len(ids) == 100_000


def test_ids_are_a_prefix_and_a_counter():
    new_id = new_message_ids()

    first, second = new_id(), new_id()

    assert re.fullmatch(r"[0-9a-f]{22}-1", first)
    assert second == first[:-1] + "2"


def test_ids_fit_for_longer_than_any_connection_lives():
    longest = new_message_ids()()[:-1] + "9" * 13

    assert len(longest) == MESSAGE_ID_LIMIT
