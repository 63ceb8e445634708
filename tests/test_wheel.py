"""What is installed: every module, the dashboard, the marker of typing, the entry points, and nothing of the tests."""

import zipfile

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.processes import ROOT

PACKAGE = ROOT / "ocpp_trio"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("wheel"))
    (path,) = WheelBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        yield wheel


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel):
    files = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}

    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert packed == {name for name in files if "__pycache__" not in name}
    assert {"ocpp_trio/py.typed", "ocpp_trio/backend/dashboard/index.html"} <= packed
    assert {name.rpartition(".")[2] for name in packed} == {"py", "typed", "html", "js", "css", "svg"}


def test_the_wheel_brings_the_command_and_the_pytest_plugin(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))

    assert wheel.read(name).decode().split() == [
        "[console_scripts]",
        *["ocpp-trio", "=", "ocpp_trio.cli:main"],
        "[pytest11]",
        *["ocpp_trio.testing.plugin", "=", "ocpp_trio.testing.plugin"],
    ]
