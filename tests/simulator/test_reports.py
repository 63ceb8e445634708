"""The queue of a station's own messages: order, loss, and the word about it."""

import logging
from typing import Any

import pytest
import trio

from ocpp_trio import CallFailed, v16
from ocpp_trio.simulator.opening import BOOT
from ocpp_trio.simulator.reports import REPORTS_WAITING, Report, Reports
from ocpp_trio.testing import Error, Ignore, Result

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
        (logging.WARNING, "'CP-1': DataTransfer got no answer: no reply to DataTransfer within 30 s")
    ]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Error("InternalError", "no room"), "was rejected: InternalError: no room"),
        (Result({"status": "Perhaps"}), "was answered, but"),
    ],
)
async def test_what_was_delivered_is_not_said_to_be_lost(rig, autojump_clock, caplog, behaviour, words):
    rig.stub.on["DataTransfer"] = behaviour
    told: list[CallFailed] = []
    async with rig.open_device() as device, trio.open_nursery() as nursery:
        reports = Reports()
        nursery.start_soon(reports.run, device.station)
        reports.put(Report(lambda: DATA, told.append))
        await reports.wait_delivered()
        nursery.cancel_scope.cancel()

    (line,) = [r.getMessage() for r in caplog.records if "simulator" in r.name]
    assert line.startswith(f"'CP-1': DataTransfer {words}")
    assert len(told) == 1


async def test_what_was_on_its_way_when_the_link_was_lost_got_no_answer(rig, autojump_clock, caplog):
    rig.stub.on["DataTransfer"] = Ignore()
    async with rig.open_device() as device, trio.open_nursery() as nursery:
        reports = Reports()
        nursery.start_soon(reports.run, device.station)
        reports.put(Report(lambda: DATA))
        await trio.sleep(1)
        device.station.drop_link()
        await reports.wait_delivered()
        reports.put(Report(lambda: DATA))
        await reports.wait_delivered()
        nursery.cancel_scope.cancel()

    lines = [r.getMessage() for r in caplog.records if "simulator" in r.name]
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == [
        "DataTransfer got no answer",
        "DataTransfer was not delivered",
    ]


async def test_a_registration_that_is_withdrawn_while_online_loses_reports_and_nothing_else(
    rig, autojump_clock, caplog, transfer
):
    rig.stub.on["DataTransfer"] = transfer
    told: list[Any] = []
    async with rig.open_device() as device, trio.open_nursery() as nursery:
        reports = Reports()
        nursery.start_soon(reports.run, device.station)
        rig.stub.status = "Pending"
        await device.station.call(BOOT)
        reports.put(Report(lambda: DATA, told.append))
        await device.plug_in()
        await reports.wait_delivered()
        with pytest.raises(CallFailed, match="cannot send StartTransaction while registration is Pending"):
            await device.start("TAG-1")
        rig.stub.status = "Accepted"
        await device.station.call(BOOT)
        reports.put(Report(lambda: DATA, told.append))
        await reports.wait_delivered()
        assert device.transaction is None
        nursery.cancel_scope.cancel()

    assert isinstance(told[0], CallFailed)
    assert told[1].status is v16.DataTransferStatus.ACCEPTED
    assert "DataTransfer was not delivered: cannot send DataTransfer while registration is Pending" in caplog.text
