# SPDX-License-Identifier: MIT
"""Line and bar charts as SVG, on logarithmic scales: enough for a benchmark, and nothing to install."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 44, 50
COLOURS = ["#2e86ab", "#5b8e3e", "#e0a030", "#8456a8", "#3ba99c", "#a8653c", "#33658a", "#c06c84", "#6c8a3a", "#7a5c3a"]
OURS = {"Sluice": "#d1495b", "floor": "#777777", "floor, joined": "#aaaaaa"}  # the same in every plot


def text(x, y, words, anchor="start", size=12, fill="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{escape(words)}</text>'


def line(x1, y1, x2, y2, stroke="#e4e4e4"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'


def number(value):
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} M"
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def page(title, parts, height=HEIGHT):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(LEFT, 24, title, size=15), *parts, "</svg>", ""])


class LogAxis:
    """Maps low..high, widened to whole powers of ten if `whole`, to begin..end."""

    def __init__(self, values, begin, end, whole):
        low, high = math.log10(min(values)), math.log10(max(values))
        self.low, self.high = (math.floor(low + 1e-9), math.ceil(high - 1e-9)) if whole else (low, high)
        if self.high - self.low < 1e-9:
            self.high = self.low + 1
        self.begin, self.end = begin, end

    def at(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        return [10 ** power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]


def lines(title, x_label, y_label, series):
    """series: name -> [(x, y)], all above 0."""
    series = {name: points for name, points in series.items() if points}
    xs = sorted({x for points in series.values() for x, _ in points})
    across = LogAxis(xs, LEFT, WIDTH - RIGHT, whole=False)
    up = LogAxis([y for points in series.values() for _, y in points], HEIGHT - BOTTOM, TOP, whole=True)
    parts = []
    for tick in up.ticks():
        parts += [line(LEFT, up.at(tick), WIDTH - RIGHT, up.at(tick)),
                  text(LEFT - 6, up.at(tick) + 4, number(tick), "end")]
    for x in xs:
        parts += [line(across.at(x), TOP, across.at(x), HEIGHT - BOTTOM),
                  text(across.at(x), HEIGHT - BOTTOM + 16, number(x), "middle")]
    parts += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_label, "middle"), text(LEFT - 54, TOP - 14, y_label)]
    # Names at the right end of their lines, pushed apart where they would overlap.
    ends = sorted((up.at(points[-1][1]), name) for name, points in series.items())
    last = -math.inf
    labels = {}
    for y, name in ends:
        labels[name] = last = max(y, last + 15)
    over = max(0, last - (HEIGHT - BOTTOM))
    for index, (name, points) in enumerate(series.items()):
        colour = OURS.get(name, COLOURS[index % len(COLOURS)])
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        end = across.at(points[-1][0])
        parts.append(text(end + 10, labels[name] - over + 4, name, fill=colour))
    return page(title, parts)


def bars(title, unit, groups):
    """groups: name -> {part: value}, each part a bar with its number."""
    names = list(groups)
    parts_named = list(dict.fromkeys(part for bars_of in groups.values() for part in bars_of))
    values = [value for bars_of in groups.values() for value in bars_of.values() if value > 0]
    low = 10 ** math.floor(math.log10(min(values)) - 0.3)
    across = LogAxis([low, max(values)], LEFT + 110, WIDTH - 130, whole=False)
    row = 14 * len(parts_named) + 10
    parts = []
    for index, name in enumerate(names):
        top = TOP + 14 + index * row
        parts.append(text(LEFT + 104, top + row / 2 - 2, name, "end"))
        for nth, part in enumerate(parts_named):
            value = groups[name].get(part, 0)
            if value <= 0:
                continue
            y = top + 14 * nth
            parts.append(f'<rect x="{LEFT + 110}" y="{y}" width="{across.at(value) - LEFT - 110:.1f}" height="12" '
                         f'fill="{COLOURS[nth % len(COLOURS)]}"/>')
            label = f"{number(value)} {unit}" + (f" ({part})" if len(parts_named) > 1 else "")
            parts.append(text(across.at(value) + 5, y + 10, label, size=11))
    return page(title, parts, TOP + 24 + row * len(names))
