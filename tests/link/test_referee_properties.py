"""The referee over arbitrary texts, cut into arbitrary frames and arbitrary reads."""

from collections.abc import Callable
from contextlib import suppress

import trio
import wsproto
from hypothesis import example, given
from hypothesis import strategies as st
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage

from ocpp_trio import Limits
from ocpp_trio.link.referee import Referee
from tests.link.raw_peer import CONTINUATION, PING, TEXT, RawPeer, request

LIMITS = Limits(message_size=8, frames_per_message=4)
PEER = RawPeer(None, client=True)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
cuts = st.lists(st.integers(0, 200), max_size=9).map(sorted)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def opened() -> Referee:
    referee = Referee(ConnectionType.SERVER, LIMITS)
    referee.receive_data(request())
    assert len(list(referee.events())) == 1
    referee.send(AcceptConnection())
    return referee


def fragments(text: str, cuts: list[int]) -> list[bytes]:
    """A message in frames, with a ping in front of each."""
    frames = pieces(text.encode(), cuts)
    last = len(frames) - 1
    return [
        PEER.frame(PING) + PEER.frame(CONTINUATION if at else TEXT, frame, fin=at == last)
        for at, frame in enumerate(frames)
    ]


@example(text="in reads", in_frames=[], in_reads=[13, 14, 15, 16, 17, 18, 19])  # a byte at a time is still one frame
@given(text=texts, in_frames=cuts, in_reads=cuts)
def test_a_message_comes_out_whole_or_breaks_the_limit_that_it_is_over(text, in_frames, in_reads):
    frames, referee = fragments(text, in_frames), opened()
    events: list[Event] = []

    for read in pieces(b"".join(frames), in_reads):
        referee.receive_data(read)
        events += referee.events()

    if len(text.encode()) <= LIMITS.message_size and len(frames) <= LIMITS.frames_per_message:
        assert referee.violation is None
        assert trio.run(referee.arrivals.take) == text
        assert len(events) == sum(isinstance(event, Ping) for event in events) == len(frames)
    else:
        over = {1009} if len(frames) <= LIMITS.frames_per_message else {1008, 1009}
        assert referee.violation is not None
        assert referee.violation.code in over
        assert isinstance(next(event for event in events if not isinstance(event, Ping)), CloseConnection)


@given(st.lists(texts, max_size=2 * LIMITS.frames_per_message))
def test_one_message_does_not_count_against_the_next(messages):
    referee = opened()

    for text in messages:
        referee.receive_data(PEER.text(text))
        list(referee.events())

    over = any(len(text.encode()) > LIMITS.message_size for text in messages)
    assert (referee.violation is not None) is over


def test_messages_may_come_without_frames_only_while_the_connection_is_open():
    referee = Referee(ConnectionType.SERVER, LIMITS)
    assert not referee.take_at_once("early")
    referee.put_text("dropped")

    referee = opened()
    assert referee.take_at_once("1")
    referee.put_text("2")
    assert not referee.take_at_once("3")
    assert [trio.run(referee.arrivals.take) for _ in range(2)] == ["1", "2"]

    referee.send(CloseConnection(code=1000))
    assert not referee.take_at_once("late")


class Pair:
    """Both ends of a connection; what one says the other hears at once, and answers as the engine would."""

    def __init__(self) -> None:
        self.client = Referee(ConnectionType.CLIENT, LIMITS)
        self.server = Referee(ConnectionType.SERVER, LIMITS)
        self.deaf: set[Referee] = set()  # who heard the end of the stream, behind which nothing comes

    def say(self, speaker: Referee, event: Event) -> None:
        with suppress(wsproto.utilities.LocalProtocolError):
            self.hear(self.client if speaker is self.server else self.server, speaker.send(event))
        self.check()

    def hear(self, listener: Referee, data: bytes | None) -> None:
        if listener in self.deaf:
            return
        if data is None:
            self.deaf.add(listener)
        with suppress(wsproto.utilities.ProtocolError):
            listener.receive_data(data)
            for event in listener.events():
                self.check()
                if isinstance(event, Ping | CloseConnection) and listener.state is not ConnectionState.CLOSED:
                    self.say(listener, event.response())
        self.check()

    def check(self) -> None:
        for end in (self.client, self.server):
            assert end.open is (end.state is ConnectionState.OPEN)


Step = Callable[[Pair, Referee], None]
STEPS: dict[str, Step] = {
    "text": lambda pair, end: pair.say(end, TextMessage(data="hi")),
    "ping": lambda pair, end: pair.say(end, Ping()),
    "close": lambda pair, end: pair.say(end, CloseConnection(code=1000)),
    "garbage": lambda pair, end: pair.hear(end, b"\xff\xff\xff\xff"),
    "end": lambda pair, end: pair.hear(end, None),
}
steps = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(["client", "server"])), max_size=5)


@example(answer=AcceptConnection(), steps=[("close", "server"), ("text", "client")])
@example(answer=AcceptConnection(), steps=[("close", "client"), ("end", "server")])
@given(answer=st.sampled_from([None, RejectConnection(status_code=404), AcceptConnection()]), steps=steps)
def test_the_connection_is_open_exactly_while_the_engine_says_so(answer, steps):
    pair = Pair()
    pair.check()
    pair.say(pair.client, Request(host="csms", target="/"))
    if answer is not None:
        pair.say(pair.server, answer)
    assert pair.server.open is isinstance(answer, AcceptConnection)

    for step, end in steps:
        STEPS[step](pair, getattr(pair, end))  # which looks after every event
