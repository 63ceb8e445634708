"""The stack, broken on purpose in one place at a time: what the simulation must catch, or its checks are worth nothing.

Owns which mutant is expected to be caught by which rule in which world.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import attrs

from ocpp_trio import Match
from tests.simulation import broken_calls as calls
from tests.simulation import broken_links as links
from tests.simulation import broken_writes as writes
from tests.simulation.scenarios import CANCELS, FLOODS, HEAVY, HUNT, INSIDE, STORM, TALK, TWINS, UNPROVEN
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
    "ids begin anew with every connection": Catch(
        calls.ids_begin_anew_with_every_connection, "ID_USED_AGAIN|ENDED_TWICE", STORM
    ),
    "the older session stays beside the newer": Catch(
        links.older_session_stays_beside_the_newer, "TWO_LIVE_SESSIONS", STORM
    ),
    "pending calls survive the connection": Catch(
        calls.pending_calls_survive_the_connection, "PENDING_AFTER_CLOSE|UNDOCUMENTED|CALL_OUTLIVES|DIED", STORM
    ),
    "a call takes twice its timeout": Catch(calls.call_takes_twice_its_timeout, "CALL_TOO_LONG", STORM),
    "unknown answers are not counted": Catch(
        partial(calls.answers_are_not_counted, Match.UNKNOWN), "REPLIES_LOST", STORM
    ),
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
    "callers write by themselves": Catch(writes.callers_write_by_themselves, "TORN_FRAME|BAD_FRAME_SENT", CANCELS),
    "a timeout includes the wait for the slot": Catch(
        calls.timeout_includes_the_wait_for_the_slot, "TIMEOUT_UNSENT|TIMEOUT_TOO_SOON", STORM
    ),
    "callers wait in a stack": Catch(calls.callers_wait_in_a_stack, "OUT_OF_ORDER", STORM),
    "lost calls are told of twice": Catch(calls.lost_calls_are_told_of_twice, "ENDED_TWICE", STORM),
    "late answers are not counted": Catch(partial(calls.answers_are_not_counted, Match.LATE), "REPLIES_LOST", STORM),
    "duplicate answers are not counted": Catch(
        partial(calls.answers_are_not_counted, Match.DUPLICATE), "REPLIES_LOST", STORM
    ),
    "writes are not one after the other": Catch(
        writes.writes_are_not_one_after_the_other, "TWO_WRITES|TORN_FRAME|BAD_FRAME_SENT", STORM
    ),
    "the outbox outlives the connection": Catch(
        writes.outbox_outlives_the_connection, "STALE_CALL|STALE_ANSWER|NOT_BOOTED", STORM
    ),
    "a bad frame ends the server": Catch(links.bad_frame_ends_the_server, "NOT_CALM|DIED", FLOODS),
    "a close waits for its peer": Catch(links.close_waits_for_its_peer, "SLOW_STOP|SLOW_DRAIN", STORM),
    "a cancelled heart leaves the station online": Catch(
        links.cancelled_heart_leaves_the_station_online, "HEART_STOPPED", INSIDE
    ),
    "the writer's queue has no end": Catch(writes.writers_queue_has_no_end, "MEMORY_UNBOUNDED", HEAVY),
    "sessions are kept when they are over": Catch(writes.sessions_are_kept_when_they_are_over, "MEMORY_KEPT", HEAVY),
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

INVARIANTS = {
    "every call ends, once and in time": (
        "lost calls are told of twice",
        "a call takes twice its timeout",
        "a timeout includes the wait for the slot",
        "the timeout is looked at before the answer",
    ),
    "in a response, CallRejected, InvalidResponse, CallTimeout, ConnectionClosed or Cancelled": (
        "exceptions of the library leak",
    ),
    "nothing is pending after the close": ("pending calls survive the connection", "timed out calls stay in the table"),
    "one write is in flight, and frames are whole": (
        "writes are not one after the other",
        "callers write by themselves",
    ),
    "one CALL is out in a direction": ("no call slot", "a cancelled call frees its slot at once"),
    "who calls first is written first": ("callers wait in a stack",),
    "no frame of an old connection is on a new one": ("the outbox outlives the connection",),
    "no request is seen twice, and none has two answers": (
        "a call is sent again after a loss",
        "ids begin anew with every connection",
        "every answer is sent twice",
    ),
    "answers that nobody waits for are counted and ignored": (
        "late answers are not counted",
        "duplicate answers are not counted",
        "unknown answers are not counted",
        "unknown answers are taken for the next call",
        "the reader dies of a late answer",
    ),
    "the reader waits for nobody": ("the reader handles calls by itself",),
    "an identity has one live session, and is found by it": (
        "the older session stays beside the newer",
        "a session's end takes the newer one with it",
        "anybody takes the place of a living session",
    ),
    "a bad peer is nobody else's business": ("a bad frame ends the server", "an upgrade has no deadline"),
    "queues and memory are bounded": (
        "the inbox has no end",
        "refusals have no end",
        "the writer's queue has no end",
        "sessions are kept when they are over",
    ),
    "no task and no stream is left": ("a connection leaves a task behind", "streams stay open"),
    "whoever stops has stopped in time": ("a drain waits for the peers to leave", "a close waits for its peer"),
    "everybody is back in time": ("half-open links are never noticed", "a station gives up after some attempts"),
    "nobody comes back too soon or too often": (
        "every connection begins the backoff anew",
        "Retry-After is not read",
        "denied stations come back at once",
    ),
    "whoever is online has booted, and its heart beats": (
        "a station boots only once",
        "a cancelled heart leaves the station online",
    ),
}
"""What must hold, and the mutants in which it does not."""
