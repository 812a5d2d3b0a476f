"""A plot of a soak's samples: `python -m tests.faults.chaos.plot docs/reliability/F39-sqlite-full.csv docs/soak.svg`.

Three panels over the same time: resident memory, open files, and how late the event loops were.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from xml.sax.saxutils import escape

from tests.faults.chaos.samples import Sample, read_samples

# Pixels.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 960, 220, 60, 150, 60, 60
# Told apart by colour-blind readers too (Okabe and Ito), and a few more.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000", "#b8a800", "#7a5230", "#999999")
# By column of the samples: what is drawn, and whether each step of the axis is ten times the one before.
PANELS = {
    "megabytes": ("resident memory, MB", False),
    "files": ("open files", False),
    "lag_ms": ("lag of the event loop, ms: the largest since the point before, as upper bound", True),
}


def main() -> int:
    """Write the plot."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos.plot", description=__doc__)
    parser.add_argument("samples", type=Path, help="what the bar kept, such as F39-sqlite-full.csv")
    parser.add_argument("plot", type=Path, help="the SVG to write")
    flags = parser.parse_args()
    flags.plot.write_text(plot(read_samples(flags.samples), title=flags.samples.stem))
    return 0


def plot(samples: dict[str, list[Sample]], *, title: str) -> str:
    """The SVG."""
    height = TOP + len(PANELS) * (HEIGHT + GAP)
    drawn = [_text(LEFT, 24, f"{title}: every process, and the harness that drives them", size=16)]
    for number, (name, colour) in enumerate(zip(samples, cycle(COLOURS), strict=False)):
        x, y = WIDTH - RIGHT + 20, TOP + 12 + 18 * number
        drawn += [_line([(x, y), (x + 20, y)], colour, width=3), _text(x + 26, y + 4, name)]
    for number, column in enumerate(PANELS):
        drawn += _panel(column, samples, top=TOP + number * (HEIGHT + GAP))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *drawn, "</svg>", ""])


def _panel(column: str, samples: dict[str, list[Sample]], *, top: float) -> Iterator[str]:
    title, is_logarithmic = PANELS[column]
    looks = [[(one.seconds / 60, getattr(one, column)) for one in some] for some in samples.values()]
    lines = [[(minute, value) for minute, value in line if value is not None] for line in looks]
    most = max(value for line in lines for _, value in line)
    minutes, ticks = _ticks(max(minute for line in lines for minute, _ in line)), _ticks(most)
    if is_logarithmic:  # from 1
        ticks = [10.0**power for power in range(max(1, math.ceil(math.log10(most))) + 1)]

    def at(minute: float, value: float) -> tuple[float, float]:
        share = math.log(max(value, 1), ticks[-1]) if is_logarithmic else value / ticks[-1]
        return LEFT + (WIDTH - LEFT - RIGHT) * minute / minutes[-1], top + HEIGHT * (1 - share)

    yield _text(LEFT, top - 8, title, size=13)
    for tick in ticks:
        yield _line([at(0, tick), at(minutes[-1], tick)], "#dddddd", width=1)
        yield _text(LEFT - 6, at(0, tick)[1] + 4, f"{tick:g}", anchor="end")
    for minute in minutes:
        yield _text(at(minute, 0)[0], top + HEIGHT + 16, f"{minute:g}", anchor="middle")
    yield _text(WIDTH - RIGHT + 20, top + HEIGHT + 16, "minutes")
    for line, colour in zip(lines, cycle(COLOURS), strict=False):
        yield _line([at(*point) for point in line], colour, width=1.5)


def _ticks(most: float) -> list[float]:
    """From 0 to `most` or a little more, in four to ten steps."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(power * part for part in (1, 0.5, 0.2) if most / (power * part) >= 4)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def _line(points: list[tuple[float, float]], colour: str, *, width: float) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    sys.exit(main())
