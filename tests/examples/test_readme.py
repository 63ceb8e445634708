"""What the README shows is what the examples do."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
SOURCES = [path.read_text() for path in sorted((ROOT / "examples").glob("*.py"))]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.splitlines()[0])
def test_each_top_level_piece_of_the_readme_stands_in_one_example(block):
    pieces = [piece.strip() for piece in block.split("\n\n\n")]

    assert any(all(piece in source for piece in pieces) for source in SOURCES)


def test_the_readme_shows_both_ends_who_is_let_in_and_a_test():
    assert len(SHOWN) == 4
