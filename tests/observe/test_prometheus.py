from prometheus_client.parser import text_string_to_metric_families

from ocpp_trio import Closed, CloseReason, Link
from ocpp_trio.observe import Counters
from ocpp_trio.observe.prometheus import CONTENT_TYPE, exposition

LINK = Link(identity="CP-1", role="csms", number=1)


def test_counters_and_gauges_come_with_their_labels():
    counters = Counters()
    counters.connection_opened(LINK)
    for reason in (CloseReason.CLEAN, CloseReason.CLEAN, CloseReason.FORCED):
        counters.connection_closed(LINK, Closed(reason))

    text = exposition(counters, {"sessions": 2}).decode()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name: family.type for name, family in families.items()} == {
        "ocpp_closes": "counter",
        "ocpp_opens": "counter",
        "ocpp_sessions": "gauge",
    }
    closes = {sample.labels["reason"]: sample.value for sample in families["ocpp_closes"].samples}
    assert closes == {"clean": 2, "forced": 1}
    assert families["ocpp_sessions"].samples[0].value == 2


def test_nothing_counted_is_an_empty_page():
    assert exposition(Counters()) == b""
    assert CONTENT_TYPE.startswith("text/plain")
