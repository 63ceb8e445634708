"""The stack, broken on purpose in one place at a time: what the simulation must catch, or its checks are worth nothing.

Owns which mutant is expected to be caught by which rule in which world.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import attrs

from tests.simulation import broken_calls as calls
from tests.simulation import broken_links as links
from tests.simulation.scenarios import CANCELS, FLOODS, HUNT, STORM, TALK, TWINS, UNPROVEN
from tests.simulation.world import Scenario

Mutant = Callable[[], AbstractContextManager[None]]


@attrs.frozen
class Catch:
    """A mutant, and the rule by which it is expected to be caught; several of them are separated by a bar."""

    mutant: Mutant
    rule: str
    world: Scenario = HUNT


FAST = {
    "no call slot": Catch(calls.no_call_slot, "TWO_CALLS_OUT", STORM),
    "a cancelled call frees its slot at once": Catch(
        calls.cancelled_call_frees_its_slot_at_once, "TWO_CALLS_OUT", STORM
    ),
    "every answer is sent twice": Catch(calls.every_answer_is_sent_twice, "TWO_ANSWERS", STORM),
    "ids begin anew with every connection": Catch(calls.ids_begin_anew_with_every_connection, "ID_USED_AGAIN", STORM),
    "the older session stays beside the newer": Catch(
        links.older_session_stays_beside_the_newer, "TWO_LIVE_SESSIONS", STORM
    ),
    "pending calls survive the connection": Catch(
        calls.pending_calls_survive_the_connection, "PENDING_AFTER_CLOSE|UNDOCUMENTED|CALL_OUTLIVES", STORM
    ),
    "a call takes twice its timeout": Catch(calls.call_takes_twice_its_timeout, "CALL_TOO_LONG", STORM),
    "unknown answers are not counted": Catch(calls.unknown_answers_are_not_counted, "REPLIES_LOST", STORM),
    "the inbox has no end": Catch(calls.inbox_has_no_end, "UNBOUNDED", FLOODS),
    "refusals have no end": Catch(calls.refusals_have_no_end, "UNBOUNDED", FLOODS),
    "the reader handles calls by itself": Catch(calls.reader_handles_calls_by_itself, "NOT_CALM", TALK),
    "an upgrade has no deadline": Catch(links.upgrade_has_no_deadline, "SLOW_UPGRADE", FLOODS),
    "anybody takes the place of a living session": Catch(
        links.anybody_takes_the_place_of_a_living_session, "NOT_CALM", TWINS
    ),
    "every connection begins the backoff anew": Catch(
        links.every_connection_begins_the_backoff_anew, "RECONNECT_STORM"
    ),
    "streams stay open": Catch(links.streams_stay_open, "STREAM_LEFT", STORM),
    "callers write by themselves": Catch(links.callers_write_by_themselves, "TORN_FRAME|BAD_FRAME_SENT", CANCELS),
    "a station boots only once": Catch(links.station_boots_only_once, "NOT_BOOTED", STORM),
    "a connection leaves a task behind": Catch(
        links.connection_leaves_a_task_behind, "TASKS_LEFT|TASKS_UNBOUNDED", STORM
    ),
}
"""Caught within a second or two: the suite hunts them."""

SLOW = {
    "timed out calls stay in the table": Catch(calls.timed_out_calls_stay_in_the_table, ""),
    "the timeout is looked at before the answer": Catch(calls.timeout_is_looked_at_before_the_answer, "RESULT_LOST"),
    "unknown answers are taken for the next call": Catch(
        calls.unknown_answers_are_taken_for_the_next_call, "RESULT_INVENTED"
    ),
    "a call is sent again after a loss": Catch(
        calls.call_is_sent_again_after_a_loss, "SEEN_TWICE_OR_OUT_OF_ORDER|CALL_OUTLIVES"
    ),
    "half-open links are never noticed": Catch(links.half_open_links_are_never_noticed, "OFFLINE_AT_END"),
    "exceptions of the library leak": Catch(links.exceptions_of_the_library_leak, "UNDOCUMENTED_OUTCOME"),
    "a station gives up after some attempts": Catch(links.station_gives_up_after_some_attempts, "OFFLINE_AT_END"),
    "a drain waits for the peers to leave": Catch(links.drain_waits_for_the_peers_to_leave, "SLOW_DRAIN"),
    "a session's end takes the newer one with it": Catch(
        links.session_ends_take_the_newer_one_with_them, "REGISTRY_MISSING|TWO_LIVE_SESSIONS|SESSIONS_INTERLEAVE"
    ),
    "Retry-After is not read": Catch(links.retry_after_is_not_read, "BACK_TOO_SOON", UNPROVEN),
    "denied stations come back at once": Catch(links.denied_stations_come_back_at_once, "BACK_TOO_SOON", UNPROVEN),
    "the reader dies of a late answer": Catch(calls.reader_dies_of_a_late_answer, ""),
}
"""Hunted in the long run only."""
