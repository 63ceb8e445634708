"""A browser in a process of its own: `node/driver.js` with a headless Chromium, one command after the other.

Owns the process and its two pipes. Knows nothing of what the page shows.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio

HERE: Final = Path(__file__).parent
DRIVER: Final = HERE / "node" / "driver.js"
SCREENSHOTS: Final = HERE / "screenshots"
DESKTOP: Final = (1280, 900)
PHONE: Final = (375, 740)
LEAVES: Final = 15.0
"""Seconds for a browser to close."""


class NotDone(AssertionError):
    """The browser could not do what it was told."""


@attrs.define(eq=False)
class Browser:
    """One tab, for one task."""

    process: trio.Process
    unread: bytes = b""

    async def do(self, command: str, **what: object) -> Any:
        """Do something, and wait until it is done. Cancelling leaves it half done. Raises NotDone."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(json.dumps({"do": command, **what}).encode() + b"\n")
        answer = json.loads(await self._line())
        if "failed" in answer:
            raise NotDone(f"{command} {what}: {answer['failed']}")
        return answer["done"]

    async def _line(self) -> bytes:
        assert self.process.stdout is not None
        while b"\n" not in self.unread:
            chunk = await self.process.stdout.receive_some()
            if not chunk:
                raise NotDone("the browser's driver has ended")
            self.unread += chunk
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    async def wait(self, selector: str, text: str = "") -> None:
        """Wait until an element is there with this text in it."""
        await self.do("wait", selector=selector, text=text)

    async def click(self, role: str, name: str) -> None:
        """Click what assistive technology knows by this role and name."""
        await self.do("click", role=role, name=name)

    async def text(self, selector: str) -> str:
        text: str = await self.do("text", selector=selector)
        return text

    async def evaluate(self, script: str) -> Any:
        return await self.do("evaluate", script=script)

    async def resize(self, size: tuple[int, int]) -> None:
        await self.do("resize", width=size[0], height=size[1])

    async def keep_picture(self, name: str) -> None:
        """Write the whole page to a file, for people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.do("screenshot", path=str(SCREENSHOTS / f"{name}.png"))


@asynccontextmanager
async def open_browser(node: str, chromium: str, profile: Path) -> AsyncIterator[Browser]:
    """A browser with an empty profile, closed when the body is left."""
    process = await trio.lowlevel.open_process([node, str(DRIVER)], stdin=-1, stdout=-1)
    assert process.stdin is not None
    browser = Browser(process)
    try:
        width, height = DESKTOP
        await browser.do("launch", executable=chromium, profile=str(profile), width=width, height=height, dark=False)
        yield browser
    finally:
        with trio.move_on_after(LEAVES, shield=True):
            await process.stdin.aclose()
            await process.wait()
        if process.returncode is None:
            process.kill()
            with trio.move_on_after(LEAVES, shield=True):
                await process.wait()
