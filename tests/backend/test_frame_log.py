"""The frames of a station on the log topic: only while somebody watches, escaped, cut, and without passwords."""

import pytest

from ocpp_trio import Call, CallError, CallResult, Closed, CloseReason, Instruments, Link
from ocpp_trio.backend import Hub, LiveState, MemoryBackend, Numbered, Topic
from ocpp_trio.backend.frame_log import FrameLog
from ocpp_trio.observe.plain import SHOWN

LINK = Link(identity="CP-1", role="csms", number=1, peer="192.0.2.1:4000")
SECRET = "00112233445566778899AABBCCDDEEFF"
HEARTBEAT = Call("m-1", "Heartbeat", b"{}")


class Watched:
    """A hub with one subscriber to the log of one station."""

    def __init__(self, hub, subscription):
        self.hub = hub
        self.subscription = subscription
        live = LiveState(hub.publish)
        self.log = FrameLog(live, wanted=lambda identity: hub.anybody_wants(Topic.LOG, identity))

    def lines(self) -> list[str]:
        return [self.subscription.receive_nowait().event.value.text for _ in range(self.subscription.waiting)]


@pytest.fixture
def watched():
    hub = Hub()
    with hub.subscribe() as subscription:
        subscription.subscribe(Topic.LOG, "CP-1")
        yield Watched(hub, subscription)


def test_frames_of_both_directions_are_told_with_kind_and_action(watched):
    watched.log.connection_opened(LINK)
    watched.log.frame_received(LINK, HEARTBEAT, action="Heartbeat", text='[2,"m-1","Heartbeat",{}]')
    watched.log.frame_sent(LINK, CallResult("m-1", b"{}"), action="Heartbeat", text='[3,"m-1",{}]')
    watched.log.frame_received(LINK, CallResult("m-9", b"{}"), action=None, text='[3,"m-9",{}]')
    watched.log.frame_refused(LINK, "expected a JSON array, found\nan object", text="{}")
    watched.log.connection_closed(LINK, Closed(reason=CloseReason.CLEAN, code=1000))

    assert watched.lines() == [
        "connected from 192.0.2.1:4000",
        'received CALL Heartbeat [2,"m-1","Heartbeat",{}]',
        'sent CALLRESULT Heartbeat [3,"m-1",{}]',
        'received CALLRESULT  [3,"m-9",{}]',
        "refused a frame: expected a JSON array, found\\nan object",
        "closed: clean (1000)",
    ]


def test_nothing_is_made_of_the_frames_of_a_station_that_nobody_watches(watched):
    other = Link(identity="CP-2", role="csms", number=2)

    watched.log.connection_opened(other)
    watched.log.frame_received(other, HEARTBEAT, action="Heartbeat", text="[]")
    watched.subscription.unsubscribe(Topic.LOG, "CP-1")
    watched.log.frame_received(LINK, HEARTBEAT, action="Heartbeat", text="[]")

    assert watched.hub.sequence == 0


def test_who_watches_all_stations_hears_of_each(watched):
    watched.subscription.subscribe(Topic.LOG)

    watched.log.connection_opened(Link(identity="CP-2", role="csms", number=2))

    assert watched.lines() == ["connected"]


@pytest.mark.parametrize(
    ("frame", "action", "text"),
    [
        (Call("m-1", "ChangeConfiguration", b""), "ChangeConfiguration", f'["AuthorizationKey","{SECRET}"]'),
        (Call("m-1", "ChangeConfiguration", b""), "ChangeConfiguration", f'["Authorization\\u004bey","{SECRET}"]'),
        (CallError("m-1", "GenericError", SECRET), "ChangeConfiguration", f'[4,"m-1","GenericError","{SECRET}",{{}}]'),
        (CallResult("m-1", b""), "GetConfiguration", f'["authorizationKEY","{SECRET}"]'),
    ],
)
def test_what_may_hold_a_password_is_not_shown(watched, frame, action, text):
    watched.log.frame_sent(LINK, frame, action=action, text=text)
    watched.log.frame_received(LINK, frame, action=action, text=text)

    sent, received = watched.lines()
    assert sent.endswith("(not shown: it may hold a password)")
    assert SECRET not in sent + received


def test_text_of_a_peer_is_escaped_and_cut(watched):
    evil = "\x1b[2J\u202e\n" + "x" * 10_000

    watched.log.frame_received(LINK, Call("m-1", evil, b""), action=evil, text=evil)

    (line,) = watched.lines()
    assert line.startswith("received CALL \\x1b[2J\\u202e\\nxxx")
    assert line.isprintable()
    assert len(line) < 2 * (SHOWN + 40)


async def test_a_backend_logs_the_frames_beside_who_is_online():
    backend = MemoryBackend()
    with backend.hub.subscribe() as subscription:
        subscription.subscribe(Topic.STATIONS)
        Instruments([backend.instrument]).frame_received(LINK, HEARTBEAT, action="Heartbeat", text="[]")
        assert backend.hub.sequence == 0
        subscription.subscribe(Topic.LOG, "CP-1")

        backend.instrument.connection_opened(LINK)

        received = [subscription.receive_nowait() for _ in range(2)]
        assert [each.event.topic for each in received if isinstance(each, Numbered)] == [Topic.STATIONS, Topic.LOG]
