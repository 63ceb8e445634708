"""A hanging test must fail, quickly and with a sentence, whichever way it hangs."""

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).with_name("conftest.py")
CONFIG = """\
[pytest]
trio_mode = true
markers =
    smoke: as in the project
    e2e: as in the project
    limit(seconds): as in the project
"""
SUITE = """\
import pytest
import trio
from hypothesis import Phase, given, settings, strategies as st


async def test_deadlock(autojump_clock):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.Event().wait)


@pytest.fixture
async def never_leaves():
    async with trio.open_nursery() as nursery:
        yield
        await trio.Event().wait()


async def test_deadlock_in_teardown(never_leaves, autojump_clock):
    pass


@pytest.mark.limit(0.01)
async def test_deadlock_on_the_real_clock():
    await trio.sleep_forever()


@pytest.mark.limit(0.01)
@pytest.mark.parametrize("number", [1, 2])
@given(st.integers())
@settings(max_examples=1, phases=[Phase.generate], database=None)
async def test_deadlock_in_an_example(number, other):
    await trio.sleep_forever()


async def test_an_ordinary_failure_stays_itself(autojump_clock):
    raise ValueError("ordinary")


@pytest.mark.limit(7200)
async def test_a_longer_limit_may_be_asked_for(autojump_clock):
    await trio.sleep(7000)
"""


def run_suite(folder: Path, *arguments: str) -> str:
    folder.joinpath("conftest.py").write_text(CONFTEST.read_text())
    folder.joinpath("pytest.ini").write_text(CONFIG)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(folder)]
    # Wide, because pytest cuts the sentence to the width of the terminal; unmeasured, because this is not our code.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_", "PYTEST_"))}
    env["COLUMNS"] = "200"
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


def test_a_deadlock_fails_with_a_sentence(tmp_path: Path):
    tmp_path.joinpath("test_suite.py").write_text(SUITE)

    output = run_suite(tmp_path, "-rA", "--tb=short")

    assert "6 failed, 1 passed" in output
    for name in ("test_deadlock", "test_deadlock_in_teardown"):
        assert f"{name} - trio.TooSlowError: the test was still waiting after 3600 s" in output
    assert output.count("the test was still waiting after 0.01 s on its own clock: a deadlock?") >= 3
    assert "never_leaves\n" in output, "the cause shows which fixture was waiting, and where"
    assert "test_an_ordinary_failure_stays_itself - ValueError" in output


def test_folders_give_their_tests_a_marker(tmp_path: Path):
    for folder in ("smoke", "integration"):
        tmp_path.joinpath(folder).mkdir()
        tmp_path.joinpath(folder, f"test_{folder}.py").write_text("def test_it(): pass")

    assert "1 passed, 1 deselected" in run_suite(tmp_path, "-m", "smoke")
    assert "1 passed, 1 deselected" in run_suite(tmp_path, "-m", "e2e")
