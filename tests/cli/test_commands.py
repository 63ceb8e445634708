"""`ocpp-trio csms` and `ocpp-trio station` on real sockets, in this process and as processes of their own."""

import contextlib
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpp_trio import v16
from ocpp_trio.backend import Backend, MemoryStore
from ocpp_trio.cli import csms, station
from ocpp_trio.testing import CsmsStub, Error, Result

pytestmark = pytest.mark.real

CSMS: Any = {"port": 0, "host": "127.0.0.1", "interval": 300, "tags": (), "verbose": False}


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch):
    """The commands configure the root logger, which here is pytest's."""
    monkeypatch.setattr("ocpp_trio.cli.terminal.logging.basicConfig", lambda **options: None)


class Codes(dict[str, int]):
    """Exit codes by name, of commands in this process."""

    async def keep(self, name, command) -> None:
        self[name] = await command


@contextlib.contextmanager
def free_port():
    """A port on which nobody listens for the time of the block."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def port_of(screen) -> int:
    return number_in(await screen.wait_for("listening on"))


def number_in(text: str) -> int:
    return int(text.partition(" port ")[2].partition(";")[0])


@contextlib.asynccontextmanager
async def serving(screen, **options):
    """A CSMS in this process; its port. It is told to stop at the end."""
    codes = Codes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(codes.keep, "csms", csms.run(screen, **{**CSMS, **options}))
        yield await port_of(screen), codes
        if "csms" not in codes:
            signal.raise_signal(signal.SIGTERM)


async def test_a_station_charges_at_a_csms_and_both_stop_in_order(screen, run_command):
    async with serving(screen, tags=["TAG-1"]) as (port, codes):
        async with run_command("station", f"ws://127.0.0.1:{port}/ocpp", "CP-1", "--start", "tag-1") as process:
            await process.wait_for("tag 'tag-1' is accepted")
            process.process.send_signal(signal.SIGINT)
            code = await process.finish()
        assert code == 130
        assert "Traceback" not in process.output
        assert "-> CALL StopTransaction" in process.output
        assert "closed: stopping (1000)" in process.output
        await screen.wait_for("closed: clean (1000)")

    assert codes == {"csms": 143}
    assert screen.err.getvalue() == ""


async def test_a_csms_closes_its_stations_with_going_away(screen, run_command):
    async with run_command("csms", "--port", "0") as process:
        await process.wait_for("Ctrl-C stops\n")
        port = number_in(process.output)
        codes = Codes()
        async with trio.open_nursery() as nursery:
            command = station.run(screen, f"ws://127.0.0.1:{port}/ocpp", "CP-1", start=None, verbose=False)
            nursery.start_soon(codes.keep, "station", command)
            await screen.wait_for("online")
            process.process.send_signal(signal.SIGTERM)
            code = await process.finish()
            await screen.wait_for("closed: clean (1001)")
            signal.raise_signal(signal.SIGINT)

    assert (code, codes) == (143, {"station": 130})
    assert "closing 1 connection;" in process.output
    assert "Traceback" not in process.output


async def test_a_port_that_is_taken_is_one_line_and_exit_code_1(screen, run_command):
    async with serving(screen) as (port, _), run_command("csms", "--port", str(port)) as process:
        assert await process.finish() == 1

    assert process.output == f"ocpp-trio: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


@pytest.mark.parametrize(
    ("tag", "outcome", "stops"), [("TAG-1", "accepted: transaction 1", 1), ("TAG-2", "refused: Invalid", 0)]
)
async def test_what_becomes_of_the_tag_is_told(screen, tag, outcome, stops):
    async with serving(screen, tags=["TAG-1"]) as (port, codes), trio.open_nursery() as nursery:
        command = station.run(screen, f"ws://127.0.0.1:{port}/ocpp", "CP-1", start=tag, verbose=True)
        nursery.start_soon(codes.keep, "station", command)
        assert (await screen.wait_for(f"tag '{tag}'")).endswith(f"tag '{tag}' is {outcome}")
        signal.raise_signal(signal.SIGINT)  # goes to the one who listens last

    assert codes == {"station": 130, "csms": 143}
    assert screen.out.getvalue().count("-> CALL StopTransaction") == stops


async def test_a_station_without_a_csms_goes_on_trying_until_it_is_stopped(run_command):
    with free_port() as port:
        async with run_command("station", f"ws://127.0.0.1:{port}/ocpp", "CP-1", "--start", "TAG-1") as process:
            await process.wait_for("backing_off for")
            await process.wait_for("connecting")
            process.process.send_signal(signal.SIGTERM)
            assert await process.finish() == 143

    assert "Traceback" not in process.output


async def test_a_failure_is_told_once(run_command):
    with free_port() as port:
        async with run_command("station", f"ws://127.0.0.1:{port}/ocpp", "CP-1") as process:
            await process.wait_for("backing_off for")
            process.process.send_signal(signal.SIGTERM)
            await process.finish()
    attempt = process.output.partition("backing_off for")[0]
    assert attempt.count("cannot connect") == 1
    assert "WARNING" not in process.output


async def test_with_verbose_the_log_has_it_too(run_command):
    with free_port() as port:
        async with run_command("station", f"ws://127.0.0.1:{port}/ocpp", "CP-1", "-v") as process:
            await process.wait_for("backing_off for")
            process.process.send_signal(signal.SIGTERM)
            await process.finish()
    assert "WARNING ocpp_trio: charge_point 'CP-1': no session with" in process.output


@pytest.mark.parametrize(("number", "words"), [(0, "0 connections"), (1, "1 connection"), (2, "2 connections")])
def test_connections_are_counted_in_words_that_agree(number, words):
    assert csms.closing(number) == f"closing {words}; Ctrl-C again stops at once"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            Error("NotSupported", "no transactions here"),
            "is accepted, but StartTransaction gave no transaction id: NotSupported: no transactions here",
        ),
        (
            Result({"transactionId": 7, "idTagInfo": {"status": "ConcurrentTx"}}),
            "is accepted, but not for transaction 7: ConcurrentTx",
        ),
    ],
    ids=["error", "refusal"],
)
async def test_a_transaction_that_does_not_start_is_told(screen, answer, told):
    stub = CsmsStub()
    stub.on["StartTransaction"] = answer
    codes = Codes()
    async with trio.open_nursery() as serving:
        port = await serving.start(stub.serve, 0)
        command = station.run(screen, f"ws://127.0.0.1:{port}/ocpp", "CP-1", start="TAG-1", verbose=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(codes.keep, "station", command)
            assert (await screen.wait_for("tag 'TAG-1'")).endswith(f"tag 'TAG-1' {told}")
            signal.raise_signal(signal.SIGINT)
        serving.cancel_scope.cancel()

    assert codes == {"station": 130}


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (0, "no tags are known, so any may charge"),
        (1, "1 tag is known, any other is refused"),
        (2, "2 tags are known, any other is refused"),
    ],
)
async def test_it_is_told_who_may_charge(tags, words):
    store = MemoryStore()
    for number in range(tags):
        await store.put_tag(f"TAG-{number}", v16.AuthorizationStatus.ACCEPTED)

    told = await csms.remembered(Path("csms.db"), Backend(store))

    assert told == f"csms.db remembers 0 stations and 0 transactions that run; {words}"


async def test_a_tag_that_gets_no_answer_is_told(screen):
    stub = CsmsStub()
    stub.on["Authorize"] = Error("InternalError")
    codes = Codes()
    async with trio.open_nursery() as serving:
        port = await serving.start(stub.serve, 0)
        command = station.run(screen, f"ws://127.0.0.1:{port}/ocpp", "CP-1", start="TAG-1", verbose=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(codes.keep, "station", command)
            await screen.wait_for("tag 'TAG-1' starts nothing: InternalError")
            signal.raise_signal(signal.SIGINT)
        serving.cancel_scope.cancel()

    assert codes == {"station": 130}


async def test_an_address_that_is_not_ours_is_one_line_and_exit_code_1(screen):
    assert await csms.run(screen, **{**CSMS, "host": "192.0.2.1"}) == 1

    assert screen.err.getvalue() == ("ocpp-trio: cannot listen on 192.0.2.1 port 0: Cannot assign requested address\n")


async def test_what_a_csms_was_told_survives_its_restart(screen, make_screen, tmp_path, run_command):
    store, later = tmp_path / "csms.db", make_screen()
    async with (
        serving(screen, tags=["TAG-1"], store=store) as (port, _),
        run_command("station", f"ws://127.0.0.1:{port}/ocpp", "CP-1", "--start", "tag-1") as process,
    ):
        await process.wait_for("CALLRESULT StartTransaction")
        process.process.kill()
        await process.finish()

    async with (
        serving(later, store=store) as (port, codes),
        run_command("station", f"ws://127.0.0.1:{port}/ocpp", "CP-2", "--start", "TAG-2") as process,
    ):
        await process.wait_for("tag 'TAG-2' is refused")

    first, second = "0 stations and 0 transactions that run", "1 station and 1 transaction that runs"
    assert f"{store} remembers {first}; 1 tag is known, any other is refused\n" in screen.out.getvalue()
    assert f"{store} remembers {second}; 1 tag is known, any other is refused\n" in later.out.getvalue()
    assert codes == {"csms": 143}


async def test_a_file_that_is_no_store_is_one_line_and_exit_code_1(run_command, tmp_path):
    diary = tmp_path / "diary"
    diary.write_text("dear diary, " * 1000)

    async with run_command("csms", "--port", "0", "--store", str(diary)) as process:
        assert await process.finish() == 1

    assert process.output == f"ocpp-trio: cannot open {diary}: file is not a database\n"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"tags": ["TAG", "tag"]}, "expected tags that differ in more than case, found ['TAG', 'tag']"),
        ({"interval": -1}, "expected an interval of 0 or more seconds, found -1"),
        ({"port": 65536}, "expected a port of 0 to 65535, found 65536"),
    ],
)
async def test_a_wrong_argument_makes_no_store(screen, tmp_path, wrong, complaint):
    store = tmp_path / "csms.db"

    assert await csms.run(screen, **{**CSMS, "store": store, **wrong}) == 2

    assert screen.err.getvalue() == f"ocpp-trio: {complaint}\n"
    assert not store.exists()
