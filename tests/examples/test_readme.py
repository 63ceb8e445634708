"""What the README shows is what the examples do."""

import re

import pytest

from ocpp_trio.cli import main
from tests.processes import ROOT

README = (ROOT / "README.md").read_text()
SHOWN = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SOURCES = [path.read_text() for path in sorted((ROOT / "examples").glob("*.py"))]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.splitlines()[0])
def test_each_top_level_piece_of_the_readme_stands_in_one_example(block):
    pieces = [piece.strip() for piece in block.split("\n\n\n")]

    assert any(all(piece in source for piece in pieces) for source in SOURCES)


def test_the_readme_shows_both_ends_a_backend_nodes_who_is_let_in_and_tests():
    assert len(SHOWN) == 7


def test_no_line_of_prose_is_too_long():
    prose = [line for line in README.splitlines() if not line.startswith("|")]

    assert [line for line in prose if len(line) > 120] == []


def test_every_target_of_make_in_the_readme_is_one():
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    named = re.findall(r"(?:^|`)make ([a-z0-9-]+)", README, re.MULTILINE)

    assert {"demo", "test", "simulate"} <= set(named) <= set(targets)


def test_every_command_and_option_in_the_readme_is_one(capsys):
    commands = re.findall(r"\bocpp-trio ([a-z]+)([^`\n]*)", README)
    assert len(commands) > 5

    for command, arguments in commands:
        assert main([command, "--help"]) == 0
        described = capsys.readouterr().out
        for option in re.findall(r"--[a-z-]+", arguments):
            assert option in described, f"{command} {option}"


def test_every_file_that_the_readme_leads_to_is_there():
    paths = re.findall(r"\]\((?!https?:)([^)]+)\)", README)

    assert [path for path in paths if not (ROOT / path).exists()] == []
