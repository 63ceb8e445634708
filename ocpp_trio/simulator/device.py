"""The charging station as a device: what a driver does to it, and what it does by itself.

Owns the order of things between the driver, the connector and the CSMS. A transaction begins only while
the station is online, and goes on while it is not.
"""

import logging
from collections.abc import Callable
from datetime import datetime

import trio

from ocpp_trio import ChargePoint, v16
from ocpp_trio.simulator import configuration as keys
from ocpp_trio.simulator.charging import Charging
from ocpp_trio.simulator.configuration import Configuration
from ocpp_trio.simulator.connector import CONNECTOR, MAIN, NotPossible
from ocpp_trio.simulator.meter import Meter
from ocpp_trio.simulator.reports import Reports
from ocpp_trio.simulator.transaction import Transaction

logger = logging.getLogger(__name__)


class Device:
    """A charging station with one connector. Made by `open_simulator`.

    The actions of a driver (`plug_in`, `present`, `start`, `stop`, `unplug`) take effect at once and return
    when what they had to report is answered or lost; cancelling one of them only ends that waiting. Those
    that are not possible now raise NotPossible and change nothing.
    """

    station: ChargePoint
    """The connection to the CSMS."""
    _nursery: trio.Nursery

    def __init__(self, configuration: Configuration, *, meter: Meter, power: int, now: Callable[[], datetime]) -> None:
        self.configuration = configuration
        self._reports = Reports()
        self.charging = Charging(configuration, self._reports, meter=meter, power=power, now=now)
        self._ready = trio.Event()

    @property
    def status(self) -> v16.ChargePointStatus:
        """The status of connector 1."""
        return self.charging.connector.status

    @property
    def plugged(self) -> bool:
        """Whether a vehicle is plugged in."""
        return self.charging.connector.plugged

    @property
    def transaction(self) -> Transaction | None:
        """The running transaction."""
        return self.charging.transaction

    @property
    def meter(self) -> Meter:
        """The energy meter of connector 1."""
        return self.charging.meter

    async def wait_ready(self) -> None:
        """Wait until the station is online and has reported its status. Cancelling changes nothing."""
        await self.station.wait_online()
        await self._ready.wait()

    async def plug_in(self) -> None:
        """Plug a vehicle in; a tag that was presented before starts the transaction."""
        if self.plugged:
            raise NotPossible("a vehicle is plugged in already")
        waiting = self.charging.authorized
        self.charging.plug_in()
        if waiting is not None:
            self._begin_if_possible(waiting)
        await self._reports.wait_delivered()

    async def unplug(self) -> None:
        """Pull the plug; a transaction ends, or waits for the plug, as StopTransactionOnEVSideDisconnect says."""
        if not self.plugged:
            raise NotPossible("no vehicle is plugged in")
        self.charging.unplug()
        await self._reports.wait_delivered()

    async def authorize(self, id_tag: str) -> v16.IdTagInfo:
        """Ask the CSMS about a tag. Raises CallFailed if there is no answer."""
        response = await self.station.call(v16.AuthorizeRequest(id_tag=id_tag))
        return response.id_tag_info

    async def present(self, id_tag: str) -> bool:
        """Hold a tag to the reader; False if it opens nothing (OCPP 1.6 sections 4.1 and 4.10).

        The tag of the running transaction, or one of its group, stops it. Any other tag is authorized and
        starts one, as soon as a vehicle is plugged in. Raises CallFailed if the CSMS has to be asked and
        does not answer.
        """
        running = self.transaction
        if running is not None and running.is_of(id_tag):
            await self.stop(v16.Reason.LOCAL, id_tag=id_tag)
            return True
        info = await self.authorize(id_tag)
        if running is not None:
            if running is not self.transaction or not running.shares_parent(info):
                return False
            await self.stop(v16.Reason.LOCAL, id_tag=id_tag)
            return True
        if info.status is not v16.AuthorizationStatus.ACCEPTED:
            return False
        self.admit(id_tag)
        await self._reports.wait_delivered()
        return True

    async def start(self, id_tag: str) -> Transaction:
        """Start a transaction with a tag that nobody has to be asked about.

        Raises NotPossible unless the station is online with a vehicle plugged in, and CallFailed if the CSMS
        does not answer: then there is no transaction. One that the CSMS refuses is stopped again, or
        suspended, as StopTransactionOnInvalidId says.
        """
        transaction = self._begin(id_tag)
        await transaction.answered.wait()
        if transaction.failure is not None:
            raise transaction.failure
        await self._reports.wait_delivered()
        return transaction

    async def stop(self, reason: v16.Reason = v16.Reason.LOCAL, *, id_tag: str | None = None) -> None:
        """Stop the transaction. It is over in any case; a StopTransaction that cannot be sent is logged."""
        self.charging.finish(reason, id_tag=id_tag)
        await self._reports.wait_delivered()

    def admit(self, id_tag: str) -> None:
        """Let an authorized tag charge: now if a vehicle is there, else once it is plugged in in time."""
        if self.plugged:
            self._begin(id_tag)
        else:
            self.charging.reserve(id_tag)

    def restart(self, reason: v16.Reason) -> None:
        """Stop the transaction for this reason, and reboot once that is reported (OCPP 1.6 section 5.14)."""
        if self.transaction is not None:
            self.charging.finish(reason)
        self.charging.give_up()
        # Not in the session's nursery: a link that is lost now must not spare the station its reboot.
        self._nursery.start_soon(self._reboot)

    def change_configuration(self, name: str, value: str) -> v16.ConfigurationStatus:
        """Set a key and see to it that it takes effect."""
        status = self.configuration.change(name, value)
        if status is v16.ConfigurationStatus.ACCEPTED and name.casefold() == keys.HEARTBEAT_INTERVAL.casefold():
            self.station.set_heartbeat_interval(self.configuration.number(keys.HEARTBEAT_INTERVAL))
        return status

    async def run(self, station: ChargePoint, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The device's own tasks, until cancelled. They outlive every connection."""
        self.station = station
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._reports.run, station)
            await nursery.start(self.charging.run)
            task_status.started()

    async def live_online(self, station: ChargePoint) -> None:
        """What a station does each time it comes online (OCPP 1.6 section 4.2): say how it is."""
        interval = max(0, min(station.statistics().heartbeat_interval, keys.LONGEST))
        self.configuration.put(keys.HEARTBEAT_INTERVAL, str(round(interval)))
        self.charging.connector.settle()
        for connector_id in (MAIN, CONNECTOR):
            self.charging.report_status(connector_id)
        await self._reports.wait_delivered()
        self._ready.set()
        try:
            await trio.sleep_forever()
        finally:
            self._ready = trio.Event()

    def _begin(self, id_tag: str) -> Transaction:
        if not self.station.online:
            raise NotPossible("a transaction begins only while the station is online")
        return self.charging.begin(id_tag)

    def _begin_if_possible(self, id_tag: str) -> None:
        try:
            self._begin(id_tag)
        except NotPossible as reason:
            logger.warning("%r: nothing starts for %r: %s", self.station.identity, id_tag, reason)

    async def _reboot(self) -> None:
        await self._reports.wait_delivered()
        self.station.reboot()
