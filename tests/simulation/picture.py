"""Draws how many stations were online over time, as SVG. Owns lines and numbers; knows no simulation."""

from collections.abc import Sequence

WIDTH, HEIGHT, LEFT, TOP = 720, 200, 50, 30
EVERY = 60.0
"""Seconds between marks on the axis of time."""


def draw(
    online: Sequence[tuple[float, int]], *, stations: int, seconds: float, title: str, down: tuple[float, float]
) -> str:
    """Steps of `online` (instant, count) over `seconds`, and while the server was `down` a grey field behind them."""
    x = [LEFT + WIDTH * at / seconds for at in (0.0, *(at for at, _ in online), seconds)]
    counts = [0, *(count for _, count in online)]
    path = "".join(f"H{right:.1f}V{_y(count, stations):.1f}" for right, count in zip(x[1:-1], counts[1:], strict=True))
    field = [LEFT + WIDTH * at / seconds for at in down]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + 40}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18">{title}</text>',
        f'<rect x="{field[0]:.1f}" y="{TOP}" width="{field[1] - field[0]:.1f}" height="{HEIGHT}" fill="#ddd"/>',
        *_axis(seconds),
        *(f'<text x="8" y="{_y(count, stations) + 4:.1f}">{count}</text>' for count in (0, stations // 2, stations)),
        f'<path d="M{x[0]:.1f} {_y(0, stations):.1f}{path}H{x[-1]:.1f}" fill="none" stroke="#2a6" stroke-width="2"/>',
    ]
    return "\n".join([*parts, "</svg>\n"])


def _y(count: int, stations: int) -> float:
    return TOP + HEIGHT * (1 - count / stations)


def _axis(seconds: float) -> list[str]:
    base = TOP + HEIGHT
    marks = [f'<line x1="{LEFT}" y1="{base}" x2="{LEFT + WIDTH}" y2="{base}" stroke="#888"/>']
    for number in range(int(seconds // EVERY) + 1):
        at = LEFT + WIDTH * number * EVERY / seconds
        marks.append(f'<text x="{at:.1f}" y="{base + 18}" text-anchor="middle">{number * EVERY:g}</text>')
    return [*marks, f'<text x="{LEFT}" y="{base + 34}">seconds; grey: no CSMS is there</text>']
