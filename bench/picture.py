"""Pictures of measured points as SVG, without a library."""

import html
import math
from typing import NamedTuple

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 40, 60  # around the axes' box; the legend is at the right
COLOURS = ("#555555", "#8a6d00", "#1f5fbf", "#c0392b", "#1b7f4d", "#7d3c98")


class Mark(NamedTuple):
    """A point with its 95 % intervals, {"value", "low", "high"}, and what it says of itself."""
    x: dict
    y: dict
    title: str


class Series(NamedTuple):
    name: str
    marks: list  # of Mark
    line: list   # (x, y) to be joined


def ticks(low, high, about=6):
    """Round numbers from `low` to `high`."""
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


class Axis:
    """From values to places between two ends of the picture."""

    def __init__(self, values, begin, end, from_zero=False):
        low, high = min(values), max(values)
        low = min(low, 0) if from_zero else low
        room = (high - low or 1) * 0.05
        self.low, self.high, self.begin, self.end = low - room, high + room, begin, end

    def at(self, value):
        share = (value - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self):
        return ticks(self.low, self.high)


def _axes(x, y, x_label, y_label):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}" '
             'fill="none" stroke="#999"/>']
    for tick in x.ticks():
        place = x.at(tick)
        parts += [f'<line x1="{place}" y1="{TOP}" x2="{place}" y2="{bottom}" stroke="#eee"/>',
                  f'<text x="{place}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>']
    for tick in y.ticks():
        place = y.at(tick)
        parts += [f'<line x1="{LEFT}" y1="{place}" x2="{right}" y2="{place}" stroke="#eee"/>',
                  f'<text x="{LEFT - 8}" y="{place + 4}" text-anchor="end">{tick:g}</text>']
    middle = (TOP + bottom) / 2
    parts += [f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 18}" text-anchor="middle">'
              f'{html.escape(x_label)}</text>',
              f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
              f'{html.escape(y_label)}</text>']
    return parts


def _mark(mark, x, y, colour):
    """The intervals as thin bars, the point on them."""
    across, up = x.at(mark.x["value"]), y.at(mark.y["value"])
    text = (f"{mark.title}: {mark.x['value']:.3g} ({mark.x['low']:.3g} to {mark.x['high']:.3g}), "
            f"{mark.y['value']:.3g} ({mark.y['low']:.3g} to {mark.y['high']:.3g})")
    return (f'<g stroke="{colour}" fill="{colour}"><title>{html.escape(text)}</title>'
            f'<line x1="{x.at(mark.x["low"])}" y1="{up}" x2="{x.at(mark.x["high"])}" y2="{up}" '
            f'opacity="0.5"/><line x1="{across}" y1="{y.at(mark.y["low"])}" x2="{across}" '
            f'y2="{y.at(mark.y["high"])}" opacity="0.5"/><circle cx="{across}" cy="{up}" r="3.5"/></g>')


def scatter(title, x_label, y_label, series):
    """An SVG of all series, their lines below their points. Series without points are left out."""
    series = [one for one in series if one.marks]
    marks = [mark for one in series for mark in one.marks]
    if not marks:
        raise ValueError("there is nothing to draw")
    ends = ("low", "high")
    x = Axis([mark.x[end] for mark in marks for end in ends], LEFT, WIDTH - RIGHT, from_zero=True)
    y = Axis([mark.y[end] for mark in marks for end in ends], HEIGHT - BOTTOM, TOP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{LEFT}" y="24" font-size="16">{html.escape(title)}</text>']
    parts += _axes(x, y, x_label, y_label)
    for number, (one, colour) in enumerate(zip(series, COLOURS, strict=False)):
        if len(one.line) > 1:
            places = " ".join(f"{x.at(a)},{y.at(b)}" for a, b in one.line)
            parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" opacity="0.6"/>')
        parts += [_mark(mark, x, y, colour) for mark in one.marks]
        place = TOP + 16 + 22 * number
        parts += [f'<circle cx="{WIDTH - RIGHT + 18}" cy="{place - 4}" r="4" fill="{colour}"/>',
                  f'<text x="{WIDTH - RIGHT + 30}" y="{place}">{html.escape(one.name)}</text>']
    return "\n".join([*parts, "</svg>"]) + "\n"
