"""Autobahn's WebSocket cases against both ends. What does not pass, or is not run, is named here with the reason."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from ocpp_trio import Limits
from tests.websocket.autobahn import Cases, Results, run_against_client, run_against_server

pytestmark = [pytest.mark.real, pytest.mark.limit(120)]

Run = Callable[[Cases, Limits], Awaitable[Results]]

LARGE: Final = Limits(message_size=32 * 2**20, frames_per_message=2**20)
"""Group 9 sends messages of megabytes, and 4 MiB in fragments of 64 bytes."""

BINARY: Final = Cases(include=("1.2.*", "9.2.*", "9.4.*", "9.6.*", "9.8.*"))
"""Want a binary message back. OCPP-J is text (1.6 section 4.1), so a binary message is answered with 1003."""
COMPRESSION: Final = Cases(include=("12.*", "13.*"))
"""Offer compression (RFC 7692). It is not agreed on, and then a case neither passes nor fails."""
PERFORMANCE: Final = Cases(include=("9.1.*", "9.3.1", "9.3.9", "9.5.*", "9.7.1", "9.7.6"), exclude=("9.1.5", "9.1.6"))
"""Those left out are the same with other sizes, and take long: 9.1.5 and 9.1.6 send 8 and 16 MiB."""
PROTOCOL: Final = Cases(include=("*",), exclude=("1.2.*", "9.*", "12.*", "13.*"))

FAIL_FAST: Final = frozenset({"3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"})
"""A sound message and a breach right behind it. Autobahn would like to see the message echoed first and allows that it
is not (NON-STRICT): whether it is depends on who is quicker, the echo or the close."""
UNDEFINED: Final = frozenset({"7.1.6", "7.13.1", "7.13.2"})
"""The specification leaves open what happens, and so do the cases (INFORMATIONAL)."""


@pytest.fixture(params=[run_against_server, run_against_client], ids=["server", "client"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]  # one of the two


def verdicts(results: Results) -> dict[str, tuple[str, str]]:
    return {result.case_id: (result.behavior.value, result.behavior_close.value) for result in results}


async def test_the_protocol_is_kept(run: Run) -> None:
    found = verdicts(await run(PROTOCOL, Limits()))

    assert len(found) == 239
    odd = {case: verdict for case, verdict in found.items() if verdict != ("OK", "OK")}
    assert {case for case, verdict in odd.items() if verdict == ("INFORMATIONAL", "INFORMATIONAL")} == UNDEFINED
    assert {case: verdict for case, verdict in odd.items() if verdict != ("NON-STRICT", "OK")}.keys() == UNDEFINED
    assert odd.keys() <= FAIL_FAST | UNDEFINED


async def test_large_messages_and_many_small_ones_come_back(run: Run) -> None:
    found = verdicts(await run(PERFORMANCE, LARGE))

    assert len(found) == 14
    assert set(found.values()) == {("OK", "OK")}


async def test_a_binary_message_is_closed_with_1003(run: Run) -> None:
    results = await run(BINARY, LARGE)

    assert len(results) == 35
    assert {result.case_id: result.remote_close_code for result in results if result.remote_close_code != 1003} == {}


# The package leaves the files open that these cases compress.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_compression_is_not_agreed_on(run: Run) -> None:
    found = verdicts(await run(COMPRESSION, Limits()))

    assert len(found) == 216
    assert set(found.values()) == {("UNIMPLEMENTED", "OK")}
