"""The dashboard in headless Chromium, over a CSMS that is a process of its own and a simulated station."""

import pytest

from ocpp_trio import v16
from tests.browser.browser import DESKTOP, PHONE, NotDone
from tests.browser.conftest import TOKEN, free_port, station

pytestmark = [pytest.mark.real, pytest.mark.browser, pytest.mark.limit(180)]

SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FILLED = "document.querySelector('#plot svg').viewBox.baseVal.width === document.querySelector('#plot').clientWidth"
HOSTILE = "<img src=x onerror=alert(1)>"


async def look(browser, name: str) -> list[str]:
    """What axe finds at both widths and in both colours; each is kept as a picture, and none is too wide."""
    found = []
    for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
        await browser.resize(size)
        for dark in (False, True):
            await browser.do("colours", dark=dark)
            found += await browser.do("findings")
            await browser.keep_picture(f"{name}-{width}-{'dark' if dark else 'light'}")
        if await browser.evaluate(SIDEWAYS):
            found.append(f"{name} is wider than {size[0]} px")
    await browser.do("colours", dark=False)
    await browser.resize(DESKTOP)
    return found


async def test_what_happens_at_a_station_is_shown_as_it_happens(browser, csms):
    await browser.do("open", url=f"{csms.page}#token={TOKEN}")
    await browser.wait("#station-note", "No station has been heard of yet")
    findings = await look(browser, "empty")
    async with station(csms) as device:
        await browser.wait("#station-list li", "Available")
        await browser.click("link", "CP-1")
        await browser.wait("#station-state", "online")
        await browser.wait("#facts", "Simulator")
        assert await browser.evaluate("document.activeElement.id") == "station-title"
        await browser.wait("#log-note", "No frame since this station was opened here.")

        await device.plug_in()
        await browser.wait("#connectors", "Preparing")
        await device.present("TAG-1")
        await browser.wait("#connectors", "Charging")
        await browser.wait("#transactions", "TAG-1")
        await browser.wait("#plot-note", "Connector 1: 11.0 kW")
        assert await browser.evaluate(FILLED)
        await browser.wait("#values", "Power.Active.Import")
        await browser.wait("#log li", "StartTransaction")
        await browser.wait("#log li", "MeterValues")
        assert "11.0 kW" in await browser.evaluate("document.querySelector('#plot svg').getAttribute('aria-label')")
        findings += await look(browser, "station")

        await device.present("TAG-1")
        await browser.wait("#transactions", "Local")
    await browser.wait("#station-state", "offline")
    await browser.wait("#calls-note", "The station is offline")
    findings += await look(browser, "offline")

    assert findings == []
    assert await browser.evaluate("location.hash") == "#station=CP-1"
    assert await browser.do("complaints") == []


async def test_calls_go_out_by_button_and_their_replies_are_shown(browser, csms):
    async with station(csms) as device:
        await browser.do("open", url=f"{csms.page}#token={TOKEN}&station=CP-1")
        await browser.wait("#station-state", "online")
        await device.plug_in()
        await browser.wait("#connectors", "Preparing")

        await browser.do("fill", selector="#RemoteStartTransaction-id_tag", value="TAG-7")
        await browser.click("button", "Start: Remote start")
        await browser.wait("#replies li", "Remote start: Accepted")
        await browser.wait("#connectors", "Charging")
        assert device.transaction is not None
        assert device.transaction.id_tag == "TAG-7"

        await browser.click("button", "Trigger: Trigger message")
        await browser.wait("#replies li", "Trigger message: Accepted")
        await browser.do("choose", selector="#ChangeAvailability-type", value="Inoperative")
        await browser.click("button", "Change: Change availability")
        await browser.wait("#replies li", "Change availability: Scheduled")

        await browser.click("button", "Stop: Remote stop")
        await browser.wait("#replies li", "Remote stop: Accepted")
        await browser.wait("#transactions", "Remote")
        await browser.click("button", "Stop: Remote stop")
        await browser.wait("#replies li", "No transaction is running here.")

        await browser.click("button", "Unlock: Unlock connector")
        await browser.wait("#replies li", "Unlock connector: Unlocked")

        await browser.click("button", "Reset: Reset")
        await browser.wait("#replies li", "Reset: Accepted")
        await browser.wait("#facts", "2")
        findings = await look(browser, "replies")

    await browser.wait("#station-state", "offline")
    assert await browser.do("complaints") == []
    await browser.click("button", "Reset: Reset")
    await browser.wait("#replies li", "409 Conflict: found 'CP-1' not connected")
    assert findings + await browser.do("findings") == []


async def test_the_page_comes_back_after_the_server_was_restarted(browser, run_csms, tmp_path):
    """With a store, so that the new process knows of what ran at the old one."""
    arguments = ["--api-token", TOKEN, "--store", str(tmp_path / "store.db")]
    port, api_port = free_port(), free_port()
    async with run_csms(*arguments, port=port, api_port=api_port) as first, station(first) as device:
        await browser.do("open", url=f"{first.page}#token={TOKEN}&station=CP-1")
        await device.plug_in()
        await device.present("TAG-1")
        await browser.wait("#transactions", "running")
        assert await browser.do("complaints") == []

        first.running.process.kill()
        await first.running.process.wait()
        await browser.wait("#lost", "The server cannot be reached. What you see is as of")
        await browser.wait("#transactions", "running")
        findings = await look(browser, "lost")
        async with run_csms(*arguments, port=port, api_port=api_port) as second:
            # From within the page: it may have come back by itself by now, and hidden the button.
            await browser.evaluate("document.getElementById('retry').click()")
            await browser.wait("#link", "live")
            await browser.do("hidden", selector="#lost")
            await device.wait_ready()
            await browser.wait("#station-state", "online")
            await browser.wait("#log li", "the connection to the server was lost here; frames may be missing")
            await device.present("TAG-1")
            await browser.wait("#transactions", "Local")
            assert (await second.get("/api/stations/CP-1"))["online"] is True

    assert findings == []
    # The browser itself tells of every connection that fails; nothing else may be amiss.
    assert [line for line in await browser.do("complaints") if "net::ERR_" not in line] == []


async def test_a_feed_that_breaks_goes_on_where_it_was(browser, csms):
    """Its WebSocket is closed from within the page; the server then says that it resumed, and sends no snapshot."""
    spy = """
        globalThis.said = [];
        const Real = WebSocket;
        globalThis.WebSocket = class extends Real {
            constructor(...all) {
                super(...all);
                globalThis.last = this;
                this.addEventListener('message', ({ data }) => said.push(JSON.parse(data)));
            }
        };
    """
    async with station(csms) as device:
        await browser.do("open", url=csms.page)
        await browser.wait("#gate-text", "This server wants a token.")
        await browser.evaluate(spy)
        await browser.do("complaints")  # of the answer 401
        await browser.do("fill", selector="#token", value=TOKEN)
        await browser.do("press", key="Enter")
        await browser.wait("#link", "live")
        await browser.click("link", "CP-1")
        await browser.wait("#connectors", "Available")

        await browser.evaluate("said.length = 0; last.close()")
        await browser.wait("#link", "no connection")
        await device.plug_in()
        await browser.wait("#link", "live")
        await browser.wait("#connectors", "Preparing")

        kinds = await browser.evaluate("said.map((message) => [message.type, message.resumed, message.topic])")
        assert ["subscribed", True, None] in kinds
        assert ["snapshot", None, "stations"] not in kinds
        assert ["change", None, "connectors"] in kinds
    assert await browser.do("complaints") == []


async def test_who_has_no_token_sees_nothing_and_who_locks_the_page_leaves_nothing(browser, csms):
    async with station(csms):
        await browser.do("open", url=f"{csms.page}#token=wrong")
        await browser.wait("#gate-text", "The server did not take this token.")
        assert "CP-1" not in await browser.text("body")
        findings = await look(browser, "gate")
        (complaint,) = await browser.do("complaints")  # which every browser makes of such a status
        assert complaint.startswith("error: Failed to load resource: the server responded with a status of 401")

        await browser.do("fill", selector="#token", value=TOKEN)
        await browser.click("button", "Open")
        await browser.wait("#station-list li", "CP-1")
        await browser.do("reload")  # this tab knows it
        await browser.wait("#station-list li", "CP-1")
        findings += await look(browser, "list")
        assert TOKEN not in await browser.evaluate("location.href")

        await browser.click("button", "Lock")
        await browser.wait("#gate-text", "This server wants a token.")
        assert await browser.evaluate("sessionStorage.length") == 0
        assert "CP-1" not in await browser.text("body")
    assert findings == []
    assert await browser.do("complaints") == []


async def test_nothing_that_a_peer_says_becomes_markup(browser, run_csms):
    """A station's name, vendor and tag are tags of HTML here; and the page's policy refuses what is not its own."""
    async with run_csms("--api-open") as csms, station(csms, HOSTILE.replace("/", "")) as device:
        await browser.do("open", url=csms.page)
        await browser.wait("#station-list li", HOSTILE)
        await browser.click("link", HOSTILE)
        await browser.wait("#log-note", "No frame since")
        await device.plug_in()
        await device.present("<b>TAG</b>")
        await browser.wait("#transactions", "<b>TAG</b>")
        await device.station.call(v16.DataTransferRequest(vendor_id="<script>alert(2)</script>"))
        await browser.wait("#log li", "<script>alert(2)</script>")

        assert await browser.evaluate("document.querySelectorAll('img, b, main script').length") == 0
        assert await browser.do("complaints") == []
        with pytest.raises(NotDone, match="TrustedHTML"):
            await browser.evaluate("document.body.innerHTML = '<p>'")
        await browser.evaluate("fetch('https://example.org/').catch(() => null).then(() => null)")
        assert any("connect-src" in line for line in await browser.do("complaints"))


async def test_the_page_is_used_by_keyboard_alone(browser, csms):
    async with station(csms):
        await browser.do("open", url=f"{csms.page}#token={TOKEN}")
        await browser.wait("#station-list li", "CP-1")
        await browser.evaluate("document.querySelector('#find').focus()")

        await browser.do("press", key="Tab")
        await browser.do("press", key="Enter")
        await browser.wait("#station-title", "CP-1")
        assert await browser.evaluate("document.activeElement.id") == "station-title"
        passed = []
        for _ in range(24):
            await browser.do("press", key="Tab")
            passed.append(await browser.evaluate("document.activeElement.id || document.activeElement.className"))

    stops = {"connectors", "RemoteStartTransaction-id_tag", "Reset-type", "TriggerMessage-message", "pause", "frames"}
    assert stops - set(passed) == set()
    assert await browser.do("complaints") == []
