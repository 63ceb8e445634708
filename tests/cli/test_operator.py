"""`ocpp-trio csms --api-port` and `ocpp-trio tail`, on real sockets."""

import signal
from pathlib import Path

import pytest
import trio

from ocpp_trio.cli import csms, station, tail
from ocpp_trio.cli.operator import ApiAccess, ApiOptions
from tests.cli.test_commands import CSMS, Codes

pytestmark = pytest.mark.real

TOKEN = "open-sesame"


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch):
    """The commands configure the root logger, which here is pytest's."""
    monkeypatch.setattr("ocpp_trio.cli.terminal.logging.basicConfig", lambda **options: None)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": "a", "everybody": True},
        {"token": "a", "token_file": Path("b")},
        {"port": 65536, "everybody": True},
        {"token_file": Path("/nowhere/token")},
    ],
)
def test_who_may_use_the_api_has_to_be_said_once(options):
    with pytest.raises(ValueError, match="expected|cannot read"):
        ApiOptions(**{"port": 0} | options).access()


def test_the_token_is_in_the_first_line_of_its_file(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\nand more\n")

    assert ApiOptions(port=1, token_file=tmp_path / "token").access() == ApiAccess(1, TOKEN)
    assert ApiOptions(port=1, everybody=True).access() == ApiAccess(1, None)
    assert ApiOptions(token=TOKEN).access() is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot read --api-token-file {}: No such file or directory"),
        (b"", "--api-token-file {}: expected a token of printable ASCII characters without spaces, at least one"),
        (
            b"\ntoken\n",
            "--api-token-file {}: expected a token of printable ASCII characters without spaces, at least one",
        ),
        (b"\xff\xfe", "cannot use --api-token-file {}: expected UTF-8 text"),
    ],
)
async def test_a_token_file_that_holds_none_is_one_line_and_exit_code_2(screen, tmp_path, content, complaint):
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    assert await csms.run(screen, **CSMS, api=ApiOptions(port=0, token_file=path)) == 2
    assert screen.err.getvalue() == f"ocpp-trio: {complaint.format(path)}\n"


def test_what_is_told_of_the_api_holds_the_token_only_where_a_link_is_wanted():
    assert (
        ApiAccess(1, TOKEN).told("h", 2)
        == "operator API on http://h:2/, with a token; a browser finds the dashboard there"
    )
    assert ApiAccess(1, None, link=True).told("h", 2).startswith("operator API on http://h:2/, open to everybody; ")
    assert ApiAccess(1, TOKEN, link=True).told("h", 2) == f"dashboard on http://h:2/#token={TOKEN}"


async def test_the_tail_shows_what_is_known_and_what_changes(make_screen):
    at_csms, at_tail, at_station, codes = make_screen(), make_screen(), make_screen(), Codes()
    api = ApiOptions(port=0, token=TOKEN)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(codes.keep, "csms", csms.run(at_csms, **CSMS, api=api))
        url = (await at_csms.wait_for("operator API on")).split()[3].removesuffix(",")
        port = int((await at_csms.wait_for("listening on")).partition(" port ")[2].partition(";")[0])
        nursery.start_soon(codes.keep, "tail", tail.run(at_tail, url, token=TOKEN))
        command = station.run(at_station, f"ws://127.0.0.1:{port}/ocpp", "CP-1", start="TAG", verbose=False)
        nursery.start_soon(codes.keep, "station", command)
        await at_tail.wait_for("transactions updated  CP-1/1 ")
        late = make_screen()
        nursery.start_soon(codes.keep, "late", tail.run(late, url, token=TOKEN, topics=["stations"]))
        line = await late.wait_for("stations     known    CP-1 ")
        for _ in range(4):
            signal.raise_signal(signal.SIGTERM)  # to the one who listens last
            await trio.testing.wait_all_tasks_blocked(0.05)

    assert "online=true" in line
    assert codes == {"csms": 143, "tail": 143, "station": 143, "late": 143}
    assert [screen.err.getvalue() for screen in (at_csms, late)] == ["", ""]


async def test_a_token_that_is_refused_ends_the_tail_at_once(make_screen):
    at_csms, at_tail, codes = make_screen(), make_screen(), Codes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(codes.keep, "csms", csms.run(at_csms, **CSMS, api=ApiOptions(port=0, token=TOKEN)))
        url = (await at_csms.wait_for("operator API on")).split()[3].removesuffix(",")
        code = await tail.run(at_tail, url, token="wrong")
        signal.raise_signal(signal.SIGTERM)

    assert (code, codes) == (1, {"csms": 143})
    port = url.rpartition(":")[2].removesuffix("/")
    told = "refused: HTTP status 401: expected the bearer token of this server"
    assert at_tail.err.getvalue() == f"ocpp-trio: cannot tail 127.0.0.1:{port}: {told}\n"


async def test_a_tail_without_a_token_is_told_where_to_put_it(make_screen):
    at_csms, at_tail, codes = make_screen(), make_screen(), Codes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(codes.keep, "csms", csms.run(at_csms, **CSMS, api=ApiOptions(port=0, token=TOKEN)))
        url = (await at_csms.wait_for("operator API on")).split()[3].removesuffix(",")
        code = await tail.run(at_tail, url, token=None)
        signal.raise_signal(signal.SIGTERM)

    assert (code, codes) == (1, {"csms": 143})
    assert at_tail.err.getvalue().endswith(
        "expected the bearer token of this server; --token-file or --token gives it\n"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (ApiOptions(port=0), "expected one of --api-token, --api-token-file and --api-open beside --api-port"),
        (
            ApiOptions(port=0, token="a b"),
            "--api-token: expected a token of printable ASCII characters without spaces, at least one",
        ),
        (
            ApiOptions(port=0, token=""),
            "--api-token: expected a token of printable ASCII characters without spaces, at least one",
        ),
    ],
)
async def test_an_api_that_cannot_be_is_one_line_and_exit_code_2(screen, options, complaint):
    code = await csms.run(screen, **CSMS, api=options)

    assert code == 2
    assert screen.err.getvalue() == f"ocpp-trio: {complaint}\n"


async def test_an_api_port_that_is_taken_is_one_line_and_exit_code_1(screen):
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = taken.socket.getsockname()[1]
    async with taken:
        code = await csms.run(screen, **CSMS, api=ApiOptions(port=port, everybody=True))

    assert code == 1
    assert screen.err.getvalue() == f"ocpp-trio: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


@pytest.mark.parametrize(
    ("url", "options"),
    [("ftp://a", {}), ("http://", {}), ("http://a/api/feed", {}), ("http://a", {"topics": ["weather"]})],
)
async def test_a_wish_that_makes_no_sense_is_a_usage_error(screen, url, options):
    assert await tail.run(screen, url, token=None, **options) == 2
    assert "expected a" in screen.err.getvalue()
