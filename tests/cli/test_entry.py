"""Arguments in, exit code out, one line for what is wrong."""

import importlib.metadata
import sys

import pytest

from ocpp_trio.cli import app as app_module
from ocpp_trio.cli import demo, main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nope"], 'Unknown command "nope"'),
        (["csms", "--nope"], 'Unknown option: "--nope"'),
        (["csms", "--port", "x"], 'unable to convert "x" into int'),
        (["csms", "--port", "70000"], "expected a port of 0 to 65535, found 70000"),
        (["csms", "--interval", "-1"], "expected an interval of 0 or more seconds, found -1"),
        (["csms", "--tag", "x" * 21], "expected a string of at most 20 characters"),
        (["station"], '"station" parameter URL requires an argument'),
        (["station", "ws://127.0.0.1:9/ocpp"], '"station" parameter IDENTITY requires an argument'),
        (["station", "http://127.0.0.1/ocpp", "CP-1"], "expected a URL like ws://host:port/path"),
        (["station", "ws://127.0.0.1:x/ocpp", "CP-1"], "expected a port of 0 to 65535"),
        (["station", "ws://127.0.0.1:9/ocpp", "x" * 49], "expected an identity of 1 to 48 printable characters"),
        (["station", "ws://127.0.0.1:9/ocpp", "CP-1", "--start", "x" * 21], "expected a string of at most 20"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(capsys, arguments, complaint):
    code = main(arguments)

    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.startswith("ocpp-trio: ")
    assert err.count("\n") == 1
    assert complaint.replace('"--nope"', "--nope") in err


@pytest.mark.parametrize("arguments", [[], ["--help"], ["csms", "--help"], ["station", "--help"]])
def test_help_is_not_an_error(capsys, arguments):
    assert main(arguments) == 0
    assert "Usage: ocpp-trio" in capsys.readouterr().out


def test_the_arguments_are_those_of_the_process_unless_given(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ocpp-trio", "nope"])

    assert main() == 2
    assert "nope" in capsys.readouterr().err


def test_the_exit_code_is_that_of_the_command(monkeypatch):
    async def run(terminal):
        return 3

    monkeypatch.setattr(demo, "run", run)

    assert main(["demo"]) == 3


def test_without_cyclopts_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cyclopts", None)

    assert main(["demo"]) == 2
    assert capsys.readouterr().err == "ocpp-trio: the command line needs cyclopts: pip install 'ocpp-trio[cli]'\n"


def test_another_missing_module_is_not_taken_for_cyclopts(monkeypatch):
    monkeypatch.setitem(sys.modules, "ocpp_trio.cli.app", None)

    with pytest.raises(ModuleNotFoundError, match="ocpp_trio.cli.app"):
        main(["demo"])


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()])])
def test_ctrl_c_outside_of_a_command_is_130_too(monkeypatch, raised):
    def interrupted(arguments):
        raise raised

    monkeypatch.setattr(app_module, "app", interrupted)

    assert main(["demo"]) == 130


def test_the_version_is_that_of_the_package_or_unknown(monkeypatch, capsys):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"{name} 1.2")
    assert main(["--version"]) == 0

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert main(["--version"]) == 0

    assert capsys.readouterr().out.split("\n")[:2] == ["ocpp-trio 1.2", "unknown"]
