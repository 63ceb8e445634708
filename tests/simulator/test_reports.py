"""The queue of a station's own messages: order, loss, and the word about it."""

import logging
from typing import Any

import pytest
import trio

from ocpp_trio import CallFailed, v16
from ocpp_trio.simulator.reports import REPORTS_WAITING, Report, Reports
from ocpp_trio.testing import Ignore, Result

DATA = v16.DataTransferRequest(vendor_id="org.example")


@pytest.fixture
def transfer() -> Result:
    return Result({"status": "Accepted"})


async def test_what_does_not_fit_the_queue_is_logged_and_told(caplog):
    reports = Reports()
    told: list[CallFailed] = []

    for _ in range(REPORTS_WAITING):
        reports.put(Report(lambda: DATA))
    assert not caplog.records
    reports.put(Report(lambda: DATA, told.append))

    assert "a report is lost: 64 are waiting already" in caplog.text
    assert [str(failure) for failure in told] == ["too many reports are waiting"]
    assert isinstance(told[0], CallFailed)


async def test_reports_are_delivered_in_order_and_told_their_answers(rig, autojump_clock, transfer):
    rig.stub.on["DataTransfer"] = transfer
    answers: list[Any] = []
    async with rig.open_device() as device, trio.open_nursery() as nursery:
        reports = Reports()
        await reports.wait_delivered()  # there is nothing yet
        nursery.start_soon(reports.run, device.station)
        reports.put(Report(lambda: DATA, answers.append))
        reports.put(Report(lambda: None, answers.append))
        await reports.wait_delivered()
        nursery.cancel_scope.cancel()

    assert [answer.status for answer in answers] == [v16.DataTransferStatus.ACCEPTED]


async def test_what_the_csms_does_not_answer_is_logged_and_the_next_one_goes_out(rig, autojump_clock, caplog, transfer):
    rig.stub.on["DataTransfer"] = [Ignore(), transfer]
    async with rig.open_device() as device, trio.open_nursery() as nursery:
        reports = Reports()
        nursery.start_soon(reports.run, device.station)
        reports.put(Report(lambda: DATA))
        reports.put(Report(lambda: DATA))
        await reports.wait_delivered()
        nursery.cancel_scope.cancel()

    assert [at for at, _, _ in rig.told("DataTransfer")] == [0.25, 30.25]
    assert [(r.levelno, r.getMessage()) for r in caplog.records if "simulator" in r.name] == [
        (logging.WARNING, "'CP-1': DataTransfer was not delivered: no reply to DataTransfer within 30 s")
    ]
