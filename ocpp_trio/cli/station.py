"""`ocpp-trio station`: be a charging station."""

from contextlib import AsyncExitStack
from typing import Final

import trio

from ocpp_trio import CallFailed, Instruments, v16
from ocpp_trio.cli.exit_codes import USAGE
from ocpp_trio.cli.security import StationSecurity
from ocpp_trio.cli.signals import run_until_signal
from ocpp_trio.cli.terminal import Terminal
from ocpp_trio.observe import Logs, Timeline
from ocpp_trio.simulator import Device, NotPossible, open_simulator

STOP_SECONDS = 5.0
_OPEN: Final = StationSecurity()


async def run(
    terminal: Terminal, url: str, identity: str, *, start: str | None, security: StationSecurity = _OPEN, verbose: bool
) -> int:
    """Be a station until a signal; the exit code."""
    terminal.show_logs(verbose=verbose)
    timeline = Timeline(terminal.say, start=trio.current_time())
    instrument = Instruments([timeline, Logs()]) if verbose else timeline

    async def work(stop: trio.Event) -> int:
        async with AsyncExitStack() as stack:
            try:
                if start is not None:
                    v16.AuthorizeRequest(id_tag=start)  # raises ValueError for a tag that cannot be sent
                simulator = open_simulator(
                    url,
                    identity,
                    instrument=instrument,
                    ssl_context=security.context(url),
                    password=security.key_bytes(),
                )
                device = await stack.enter_async_context(simulator)
            except ValueError as wrong:
                terminal.complain(str(wrong))
                return USAGE
            async with trio.open_nursery() as nursery:
                if start is not None:
                    nursery.start_soon(_charge, device, start, timeline)
                await stop.wait()
                nursery.cancel_scope.cancel()
            await _end_transaction(device)
            return 0

    return await run_until_signal(work)


async def _charge(device: Device, id_tag: str, timeline: Timeline) -> None:
    """Plug in and present a tag, and say what came of it."""
    await device.wait_ready()
    try:
        await device.plug_in()
        outcome = await _outcome(device, id_tag)
    except (CallFailed, NotPossible) as exc:
        outcome = f"starts nothing: {exc}"
    timeline.note(device.station.identity, "driver", f"tag {id_tag!a} {outcome}")


async def _outcome(device: Device, id_tag: str) -> str:
    """That a tag is accepted is no transaction yet: it begins with the id that the CSMS gives it."""
    status = (await device.authorize(id_tag)).status
    if status is not v16.AuthorizationStatus.ACCEPTED:
        return f"is refused: {status.value}"
    try:
        transaction = await device.start(id_tag)
    except CallFailed as exc:
        return f"is accepted, but StartTransaction gave no transaction id: {exc}"
    info = transaction.id_tag_info
    if info is not None and info.status is not v16.AuthorizationStatus.ACCEPTED:
        return f"is accepted, but not for transaction {transaction.transaction_id}: {info.status.value}"
    return f"is accepted: transaction {transaction.transaction_id}"


async def _end_transaction(device: Device) -> None:
    """Leave no transaction behind that the CSMS would take for a running one."""
    with trio.move_on_after(STOP_SECONDS):
        if device.transaction is not None:
            await device.stop(v16.Reason.LOCAL)
