"""What the simulation's tests share."""

import logging

import pytest


@pytest.fixture
def quiet(caplog):
    """A storm says a lot to the log, and nobody reads it here."""
    caplog.set_level(logging.CRITICAL, logger="ocpp_trio")
