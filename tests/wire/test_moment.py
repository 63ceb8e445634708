"""Date-times as they are read: by themselves, and by both halves of the codec."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.converter import make_converter
from ocpp_trio.wire.leniency import Allowance, Leniency
from ocpp_trio.wire.moment import moment_of, read_moment
from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.source import Misfit

EAST = timezone(timedelta(hours=2))
GOOD = {
    "2026-11-21T09:30:00Z": datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    "2026-11-21t09:30:00z": datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    "2026-11-21T09:30:00.5Z": datetime(2026, 11, 21, 9, 30, 0, 500_000, tzinfo=UTC),
    "2026-11-21T09:30:00.1230000000000000000000Z": datetime(2026, 11, 21, 9, 30, 0, 123_000, tzinfo=UTC),
    "2026-11-21T09:30:00+02:00": datetime(2026, 11, 21, 9, 30, tzinfo=EAST),
    "2026-11-21T09:30:00.25+02:00": datetime(2026, 11, 21, 9, 30, 0, 250_000, tzinfo=EAST),
    "2026-11-21T09:30:00.1234567Z": datetime(2026, 11, 21, 9, 30, 0, 123_457, tzinfo=UTC),
    "2026-11-21T23:59:59.9999999Z": datetime(2026, 11, 22, tzinfo=UTC),
    "2026-11-21T09:30:00-00:00": datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    "2026-11-21T09:30:00+23:59": datetime(2026, 11, 20, 9, 31, tzinfo=UTC),
}
BAD = [
    "",
    "Z",
    ":00",
    "T" * 22,
    "2026-11-21",
    "2026-11-21 09:30:00Z",
    "2026-11-21 09:30:00+02:00",
    "2026-11-21_09:30:00Z",
    "2026-11-21T09:30:00",
    "2026-11-21T09:30:00.123",
    "2026-11-21T09:30:00+0200",
    "2026-11-21T09:30:00.5-0330",
    "2026-11-21T09:30:00+02",
    "2026-11-21T09:30:00+24:00",
    "2026-11-21T09:30:00+02:60",
    "2026-11-21T09:30:00+02:00:00",
    "2026-11-21T09:30:00 Z",
    "2026-11-21T09:30:00,5Z",
    "2026-11-21T09:30:00.Z",
    "2026-11-21T09:30Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T09:30:60Z",
    "2026-12-31T23:59:60Z",
    "2026-11-31T09:30:00Z",
    "2026-W47-6T09:30:00Z",
    "20261121T093000Z",
    " 2026-11-21T09:30:00Z",
    "2026-11-21T09:30:00Z\n",
    "\uff12026-11-21T09:30:00Z",
    "2026-11-21T09:30:00\ud800",
]  # fmt: skip


@pytest.mark.parametrize(("text", "moment"), GOOD.items())
def test_a_date_time_may_have_any_fraction_and_offset(text: str, moment: datetime) -> None:
    assert (
        moment_of(text) == read_moment(f'"{text}"'.encode()) == read_moment(msgspec.Raw(f'"{text}"'.encode())) == moment
    )


@pytest.mark.parametrize("text", BAD)
def test_whatever_is_not_rfc_3339_or_is_a_leap_second_is_none(text: str) -> None:
    assert moment_of(text) is None
    with pytest.raises(ValueError, match=r"."):
        read_moment(json.dumps(text).encode())


@pytest.mark.parametrize("raw", [b"null", b"5", b"{}", b"[]", b"true", b'"', b"", b"[" * 10_000])
def test_what_is_no_text_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(raw)


@pytest.mark.parametrize(("text", "moment"), GOOD.items())
def test_both_halves_of_the_codec_take_it(text: str, moment: datetime) -> None:
    raw = json.dumps({"currentTime": text}).encode()

    assert reader_of(v16.HeartbeatResponse)(raw).current_time == moment
    assert make_converter().structure({"currentTime": text}, v16.HeartbeatResponse).current_time == moment


@pytest.mark.parametrize("text", BAD)
def test_both_halves_of_the_codec_refuse_it(text: str) -> None:
    raw = json.dumps({"currentTime": text}).encode()

    with pytest.raises(Misfit):
        reader_of(v16.HeartbeatResponse)(raw)
    with pytest.raises(RemoteProtocolError) as caught:
        codec_of(v16.version).decode(v16.HeartbeatResponse, raw)
    assert caught.value.code == "PropertyConstraintViolation"
    assert caught.value.details["path"] == "$.currentTime"


@pytest.mark.parametrize(
    "raw", [rb'"2026-11-21\u005409:30:00Z"', rb'"\u0032026-11-21T09:30:00Z"', rb'"2026-11-21T09:30:00+02\u003a00"']
)
def test_a_date_time_with_escapes_in_it_is_read_in_the_end(raw: bytes) -> None:
    """And it is no defect, so that a lenient codec has nothing to tell of it."""
    for leniency in (Leniency.STRICT, Leniency.ALL):
        told: list[Allowance] = []
        codec = codec_of(v16.version, leniency)

        response = codec.decode(v16.HeartbeatResponse, b'{"currentTime":%b}' % raw, note=told.append)

        assert response.current_time == moment_of(json.loads(raw))
        assert told == []


@pytest.mark.parametrize("raw", [rb'"2026-11-21\u002009:30:00Z"', rb'"2026-11-21T09:30:00+02\u00300"'])
def test_escapes_smuggle_nothing_in(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        codec_of(v16.version).decode(v16.HeartbeatResponse, b'{"currentTime":%b}' % raw)
