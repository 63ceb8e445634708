"""What all sessions of one end have in common."""

from collections.abc import Callable

import attrs

from ocpp_trio.link.instrument import Instrument
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.message_ids import new_message_ids
from ocpp_trio.wire.leniency import Leniency


@attrs.frozen(kw_only=True)
class Settings:
    """Bounds, tap, source of message ids and leniency, passed on from the ends to every session they open."""

    limits: Limits = attrs.Factory(Limits)
    instrument: Instrument = attrs.Factory(Instrument)
    new_message_id: Callable[[], str] = attrs.Factory(new_message_ids)
    leniency: Leniency = Leniency.STRICT
