"""The picture that the long run draws is the same every time, and the one in TESTING.md."""

from pathlib import Path

from tests.simulation.long_run import draw_restart
from tests.simulation.picture import draw

KEPT = Path(__file__).with_name("restart.svg")


def test_kept_picture_is_what_the_simulation_draws():
    """`python -m tests.simulation --station-hours 0 --no-mutants --into tests/simulation` draws it anew."""
    drawn = draw_restart()

    assert drawn == KEPT.read_text()
    assert len(drawn) < 30_000


def test_steps_go_up_and_down():
    svg = draw([(0.0, 1), (60.0, 0), (90.0, 2)], stations=2, seconds=120.0, title="two", down=(60.0, 90.0))

    assert '<path d="M50.0 230.0H50.0V130.0H410.0V230.0H590.0V30.0H770.0"' in svg
    assert '<rect x="410.0" y="30" width="180.0"' in svg
