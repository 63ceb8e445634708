"""Instruments to plug in: counters, logs, milestones, a timeline."""

from ocpp_trio.observe.counters import Counters as Counters
from ocpp_trio.observe.logs import Logs as Logs
from ocpp_trio.observe.milestones import Attempt as Attempt
from ocpp_trio.observe.milestones import Milestones as Milestones
from ocpp_trio.observe.timeline import Entry as Entry
from ocpp_trio.observe.timeline import Timeline as Timeline
