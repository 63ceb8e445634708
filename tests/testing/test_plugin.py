"""The kit for pytest, in suites of their own: fixtures, seeds, and no test that hangs."""

import time

import pytest

HEAD = """
import pytest
import trio
import trio.testing
from ocpp_trio import Router, open_charge_point, v16
from ocpp_trio.testing import Spread

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """Write a module of tests and run it as a suite of its own."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\ntrio_mode = true\naddopts = --strict-markers\n")

    def run(source, *arguments):
        pytester.makepyfile(test_it=HEAD + source)
        plugin = ("-p", "ocpp_trio.testing.plugin", "-p", "no:cacheprovider")
        return pytester.runpytest_inprocess(*plugin, *arguments)

    return run


def test_stub_serves_the_network_under_a_clock_that_jumps(suite):
    result = suite("""
async def test_station(memory_network, csms_stub):
    async with open_charge_point(
        f"ws://csms:{csms_stub.port}/", "CP-1", router=Router(v16), boot=BOOT, dial=memory_network.dial
    ) as station:
        await station.wait_online()
        await csms_stub.wait_received(3, "Heartbeat")
    assert [frame.at for frame in csms_stub.received("Heartbeat")] == [300, 600, 900]
    assert isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)
""")

    result.assert_outcomes(passed=1)


DEADLOCKS = """
async def never_set():
    await trio.Event().wait()


async def test_deadlock(memory_network):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(never_set)


async def test_deadlock_with_own_clock(autojump_clock, csms_stub):
    await never_set()


async def test_deadlock_behind_a_shield(memory_network):
    with trio.CancelScope(shield=True):
        await never_set()


@pytest.fixture
async def never_leaves():
    yield
    await never_set()


async def test_deadlock_in_teardown(memory_network, never_leaves):
    pass


@pytest.mark.ocpp_limit(60)
async def test_deadlock_by_marker_alone(autojump_clock):
    await never_set()
"""


def test_test_in_which_nothing_can_happen_any_more_fails_at_once_and_says_where(suite):
    result = suite(DEADLOCKS, "--durations=5", "-rA", "--tb=short")

    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines_random(["*Deadlock: nothing can happen any more after 0 s: a deadlock*"])
    result.stdout.fnmatch_lines_random(["*never_set: never_set (*test_it.py:*"])
    assert result.duration < 30


def test_deadlock_is_told_without_the_traceback_of_every_task_that_was_cancelled(suite):
    result = suite(
        """
import trio


async def test_waits(memory_network, csms_stub):
    await csms_stub.wait_received(1, "Heartbeat")


async def test_waits_and_cleans_up_badly(memory_network, csms_stub):
    try:
        await csms_stub.wait_received(1, "Heartbeat")
    finally:
        raise ValueError("a defect of the cleanup")
"""
    )

    result.assert_outcomes(failed=2)
    first, second = result.stdout.str().split("_ test_waits_and_cleans_up_badly _")
    assert "Deadlock: nothing can happen any more" in first
    assert "<test 'test_waits'>: run (" in first
    assert "trio.Cancelled" not in first
    assert len(first.splitlines()) < 30
    assert "ValueError: a defect of the cleanup" in second
    assert "Deadlock: nothing can happen any more" in second


def test_slow_tests_fail_at_their_limit_and_quick_ones_are_left_alone(suite):
    started = time.monotonic()
    result = suite(
        """
async def test_too_long(memory_network):
    await trio.sleep(3601)


@pytest.mark.ocpp_limit(7200)
async def test_longer_by_its_own_word(memory_network):
    await trio.sleep(7000)


@pytest.mark.ocpp_limit(0.05)
async def test_on_another_clock(mock_clock):
    mock_clock.rate = 1.0
    await trio.sleep_forever()


@pytest.mark.ocpp_limit(60)
async def test_ordinary_failure_stays_itself(autojump_clock):
    raise ValueError("ordinary")


async def test_without_the_kit_there_is_no_limit(autojump_clock):
    await trio.sleep(100_000)


def test_that_is_not_async(memory_network):
    assert memory_network.links == []
""",
        "--tb=short",
    )

    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*Hang: the test did not end within 3600 s*",
            "*Hang: the test did not end within 0.05 s*",
            "*ValueError: ordinary*",
        ]
    )
    assert time.monotonic() - started < 60


SEEDS = """
@pytest.mark.ocpp_seeds(4)
@pytest.mark.parametrize("bad", [9, 2])
async def test_weather(seeded_run, bad, tmp_path):
    assert tmp_path.exists()
    KINDS = {"rain": Spread(), "hail": Spread()}
    def strike(fault):
        assert seeded_run.seed != bad or fault.kind != "hail", "the roof is gone"
    seeded_run.faults(kinds=KINDS, hosts=["roof"], until=100, every=5)
    await seeded_run.play({"rain": strike, "hail": strike})


async def test_one_seed_by_default(seeded_run):
    assert seeded_run.seed == 0
    await trio.sleep(100)


async def test_stuck(seeded_run):
    await trio.sleep_forever()
"""


def test_test_runs_under_many_seeds_and_a_failing_one_says_how_to_replay_it(suite):
    result = suite(SEEDS, "--tb=short")

    result.assert_outcomes(passed=8, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*SeedFailed: seed 2 fails: AssertionError: the roof is gone*",
            '*replay it with: pytest "test_it.py::test_weather[[]*seed2*]" --ocpp-seed 2',
            "*1 of its * faults is enough:",
            '*"kind":"hail","host":"roof"*',
            "*SeedFailed: seed 0 fails: Deadlock: nothing can happen any more after 0 s*",
        ]
    )


def test_one_seed_can_be_run_alone_and_need_not_be_one_of_the_many(suite):
    alone = suite(SEEDS, "--ocpp-seed", "2", "-k", "weather")
    other = suite(SEEDS, "--ocpp-seed", "77", "-k", "weather")

    alone.assert_outcomes(passed=1, failed=1, deselected=2)
    other.assert_outcomes(passed=2, deselected=2)


def test_replay_command_runs_exactly_the_failing_test(suite):
    failed = suite(SEEDS, "-k", "weather", "--tb=short")
    (command,) = {line.partition("pytest ")[2] for line in failed.outlines if "replay it with" in line}
    node, _, seed = command.replace('"', "").partition(" --ocpp-seed ")

    suite(SEEDS, node, "--ocpp-seed", seed).assert_outcomes(failed=1)


def test_module_whose_tests_are_all_marked_for_trio_may_have_seeded_ones(suite):
    result = suite("""
import pytest
import trio

pytestmark = pytest.mark.trio

async def test_seeded(seeded_run):
    await trio.sleep(5)
    assert trio.current_time() == 5

class TestMeter:
    async def test_method(self, seeded_run):
        await trio.sleep(seeded_run.seed)

async def test_beside_it(memory_network):
    await trio.sleep(5)
""")

    result.assert_outcomes(passed=3)


def test_only_async_tests_can_be_seeded(suite):
    result = suite("def test_it(seeded_run): pass")

    assert result.ret != 0
    assert "expected an async test to take `seeded_run`" in result.stdout.str() + result.stderr.str()


def test_replay_command_is_for_the_folder_in_which_it_is_read(suite, pytester, monkeypatch):
    pytester.mkdir("deep")
    monkeypatch.chdir(pytester.path / "deep")

    result = suite(SEEDS, "-k", "weather", str(pytester.path / "test_it.py"))

    result.stdout.fnmatch_lines(['*replay it with: pytest "../test_it.py::test_weather[[]*seed2*]" --ocpp-seed 2'])


FAILS_BY_PYTEST = """
@pytest.mark.ocpp_seeds(2)
async def test_nothing_is_raised(seeded_run):
    seeded_run.faults(kinds={"rain": Spread()}, hosts=["roof"], until=100, every=5)
    await seeded_run.play({"rain": lambda fault: None})
    async with trio.open_nursery():
        with pytest.raises(ValueError):
            await trio.sleep(seeded_run.seed)


async def test_given_up(seeded_run):
    pytest.fail("by hand")


async def test_left_out(seeded_run):
    pytest.skip("by hand")
"""


def test_failures_of_pytests_own_kind_are_reported_with_their_seed_as_well(suite):
    result = suite(FAILS_BY_PYTEST)

    result.assert_outcomes(failed=3, skipped=1)
    result.stdout.fnmatch_lines_random(
        [
            "*SeedFailed: seed 1 fails: AssertionError: DID NOT RAISE *ValueError*",
            "*0 of its * faults are enough:*",
            "*SeedFailed: seed 0 fails: AssertionError: by hand*",
        ]
    )


def test_report_shows_no_line_of_the_kit(suite):
    """Where the seeds are played is not what failed."""
    result = suite("async def test_it(seeded_run): assert seeded_run.seed == 1")

    assert "def check_seeds" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*SeedFailed: seed 0 fails: *"])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "@pytest.mark.ocpp_seeds(2)\nasync def test_it(memory_network): pass",
            "expected a test with `ocpp_seeds` to take `seeded_run`, found one with ('memory_network',)",
        ),
        (
            "async def test_it(seeded_run, csms_stub): pass",
            "expected `seeded_run`, with its own `.network`, alone, found ['csms_stub', 'memory_network'] too",
        ),
        (
            "@pytest.mark.ocpp_seeds()\nasync def test_it(seeded_run): pass",
            "expected ocpp_seeds(count), a positive number, found ocpp_seeds()",
        ),
        (
            "@pytest.mark.ocpp_seeds(0)\nasync def test_it(seeded_run): pass",
            "expected ocpp_seeds(count), a positive number, found ocpp_seeds(0)",
        ),
        (
            "@pytest.mark.ocpp_seeds('3')\nasync def test_it(seeded_run): pass",
            "expected ocpp_seeds(count), a positive number, found ocpp_seeds('3')",
        ),
        (
            "@pytest.mark.ocpp_limit(60, hours=1)\nasync def test_it(memory_network): pass",
            "expected ocpp_limit(seconds), a positive number, found ocpp_limit(60, hours=1)",
        ),
        (
            "@pytest.mark.ocpp_limit(-1)\nasync def test_it(seeded_run): pass",
            "expected ocpp_limit(seconds), a positive number, found ocpp_limit(-1)",
        ),
    ],
)
def test_what_makes_no_sense_is_said_when_tests_are_collected(suite, source, sentence):
    result = suite(source)

    assert result.ret != 0
    assert sentence in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_markers_take_their_number_by_name_and_from_their_module(suite):
    result = suite(
        """
pytestmark = [pytest.mark.ocpp_seeds(count=3), pytest.mark.ocpp_limit(seconds=0.5)]

async def test_seeds(seeded_run):
    pass

async def test_limit(autojump_clock):
    await trio.sleep(1)
"""
    )

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines_random(["*Hang: the test did not end within 0.5 s*"])


def test_suite_that_bounds_its_tests_itself_is_left_alone(suite, pytester):
    pytester.makeconftest("""
import pytest, trio
def run(test, *, clock, instruments):
    print("bounded by its own")
    trio.run(test, clock=clock, instruments=instruments)
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.trio(run=run), append=False)
""")

    result = suite("async def test_it(autojump_clock, csms_stub): await trio.sleep(4000)", "-s")

    result.assert_outcomes(passed=1)
    assert "bounded by its own" in result.stdout.str()
