"""Things that instruments are told about."""

import pytest

from ocpp_trio import Call, CallError, CallReport, CallResult, Link


@pytest.fixture
def link():
    return Link(identity="CP-1", role="csms", number=7, peer="192.0.2.1:4000")


@pytest.fixture
def call():
    return Call("m-1", "Authorize", b'{"idTag":"SECRET"}')


@pytest.fixture
def result():
    return CallResult("m-1", b'{"idTagInfo":{"status":"Accepted"}}')


@pytest.fixture
def error():
    return CallError("m-1", "GenericError", "no")


@pytest.fixture
def make_report():
    """A report with what does not matter filled in."""

    def make_report(outcome, origin, **more):
        return CallReport(message_id="m-1", action="Authorize", outcome=outcome, origin=origin, **more)

    return make_report
