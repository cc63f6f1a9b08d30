# SPDX-License-Identifier: MIT
"""The chart of bench/compare: how many times as fast as Go, a bar for each operation and number of processors, as SVG.

The axis is logarithmic and bars begin at 1, so that twice as fast is as long as half as fast. A tick across a bar is
the floor that it must reach. Colours follow the reader's light or dark mode, also where the file is shown as an image.
"""
import math
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, LABELS, NUMBERS = 880, 270, 110  # of all; of the columns left and right of the bars
HEAD, BAR, GAP, FOOT = 84, 13, 9, 16    # heights; GAP is between two operations
MARKS = (0.25, 0.5, 1, 2, 3, 5, 10, 20, 50)

# No CSS variables: viewers other than browsers do not know them.
STYLE = """
  text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
  .paper { fill: #ffffff; } .one { fill: #2f6fb0; } .two { fill: #d07a1e; }
  .mark { stroke: #d1d9e0; } .level { stroke: #1f2328; stroke-width: 1.5; }
  .floor { stroke: #1f2328; stroke-width: 2.5; }
  .below { fill: #c11f2c; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .paper { fill: #0d1117; } .one { fill: #5b9fe0; } .two { fill: #eea04e; }
    .mark { stroke: #3d444d; } .level, .floor { stroke: #e6edf3; } .below { fill: #ff7b72; }
  }
"""


class Row(NamedTuple):
    label: str
    bars: list  # of (ratio, floor or None): on one processor, on two


def draw(title, rows):
    """The whole SVG file."""
    ratios = [value for row in rows for bar in row.bars for value in bar if value]
    low, high = math.log(min(ratios + [0.75]) / 1.1), math.log(max(ratios + [2]) * 1.1)

    def x(ratio):
        return LABELS + (WIDTH - LABELS - NUMBERS) * (math.log(ratio) - low) / (high - low)

    height = HEAD + sum(BAR * len(row.bars) + GAP for row in rows) + FOOT
    parts = [*frame(title, height, x, [mark for mark in MARKS if low < math.log(mark) < high])]
    top = HEAD
    for row in rows:
        middle = top + BAR * len(row.bars) / 2 + 4
        parts.append(f'<text class="end" x="{LABELS - 12}" y="{middle:.0f}">{escape(row.label)}</text>')
        for (ratio, floor), colour in zip(row.bars, ("one", "two")):
            parts += bar(x, top, ratio, floor, colour)
            top += BAR
        top += GAP
    parts.append(f'<line class="level" x1="{x(1):.1f}" x2="{x(1):.1f}" y1="{HEAD - 6}" y2="{height - FOOT}"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n")


def frame(title, height, x, marks):
    yield f'<rect class="paper" width="{WIDTH}" height="{height}"/>'
    yield f'<text class="title" x="16" y="26">{escape(title)}</text>'
    yield f'<rect class="one" x="16" y="40" width="{BAR}" height="{BAR}"/><text x="36" y="51">one processor</text>'
    yield f'<rect class="two" x="136" y="40" width="{BAR}" height="{BAR}"/><text x="156" y="51">two processors</text>'
    yield '<line class="floor" x1="272" x2="272" y1="39" y2="54"/><text x="280" y="51">the floor it must reach</text>'
    yield f'<text class="end" x="{WIDTH - 12}" y="{HEAD - 12}">ratio, floor</text>'
    for mark in marks:
        yield f'<text class="middle" x="{x(mark):.1f}" y="{HEAD - 12}">{mark:g}</text>'
        yield f'<line class="mark" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{HEAD - 6}" y2="{height - FOOT}"/>'


def bar(x, top, ratio, floor, colour):
    left, right = sorted((x(1), x(ratio)))
    yield f'<rect class="{colour}" x="{left:.1f}" y="{top + 1}" width="{right - left:.1f}" height="{BAR - 2}"/>'
    number, below = f"{ratio:.2f}", False
    if floor is not None:
        yield f'<line class="floor" x1="{x(floor):.1f}" x2="{x(floor):.1f}" y1="{top}" y2="{top + BAR}"/>'
        below = ratio < floor
        number += f" {'<' if below else '≥'} {floor:g}"
    yield (f'<text class="{"end below" if below else "end"}" x="{WIDTH - 12}" y="{top + BAR - 2}">'
           f'{escape(number)}</text>')
