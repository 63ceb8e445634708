"""Every bound of a connection, and the value that carries it with tap and ids."""

import math
from typing import Any

import attrs
import pytest

from ocpp_trio import Instrument, Limits, Settings

DEFAULTS = {
    "message_size": 262_144,
    "frames_per_message": 1024,
    "inbox": 8,
    "handlers": 1,
    "refusals": 8,
    "afterthoughts": 8,
    "bad_frames": 10,
    "outstanding_calls": 1,
    "call_timeout": 30,
    "handler_deadline": 25,
    "handshake_deadline": 10,
    "pending_handshakes": 256,
    "pending_handshakes_per_address": 64,
    "upgrades_per_second": 100,
    "upgrade_burst": 256,
    "ping_interval": 30,
    "pong_deadline": 20,
    "write_timeout": 10,
    "close_timeout": 3,
    "tcp_user_timeout": 30,
}


def test_the_defaults_are_written_down():
    assert attrs.asdict(Limits()) == DEFAULTS


def test_handlers_answer_before_their_callers_give_up():
    assert Limits().handler_deadline < Limits().call_timeout


@pytest.mark.parametrize("name", list(DEFAULTS))
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_a_limit_is_a_positive_number(name: str, value: Any):
    with pytest.raises(ValueError, match=rf"Limits.{name}: expected a positive number, found {value!r}"):
        Limits(**{name: value})


def test_no_pings_is_an_infinite_interval():
    assert Limits(ping_interval=math.inf).ping_interval == math.inf


def test_settings_have_defaults_of_their_own():
    one, other = Settings(), Settings()

    assert one.limits == Limits()
    assert type(one.instrument) is Instrument
    assert one.new_message_id() != other.new_message_id()
