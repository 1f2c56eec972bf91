#!/usr/bin/env python3
"""Measures how the cost of a request and of a datagram grows with groups known, groups named, and connections open.

    benches/growth.py [--write] BINARY     --write: docs/speed-growth.svg anew, too

In pacingd's own instructions, counted as in benches/instructions.py; prints tables, and draws them.
"""

import argparse, pathlib, sys, tempfile

from instructions import ask, cost, send
from servers import *

ROUNDS = 20
REQUEST = "/backend/data/pacing/reactiveState?channel=chat"


def names(count):
    return [f"group {number:03}" for number in range(count)]


def asked(count):
    return REQUEST + "".join(f"&groups={name.replace(' ', '+')}" for name in names(count))


def picture(series):
    """Draws one panel a series, each from zero: what does not grow is a level line."""
    width, height, margin = 260, 150, 45
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * 2 + margin * 3}" '
           f'height="{(height + 2 * margin) * ((len(series) + 1) // 2)}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>']
    for index, (title, points) in enumerate(series):
        left, top = margin + index % 2 * (width + margin), margin + index // 2 * (height + 2 * margin)
        most = max(value for _, value in points) * 1.15
        steps = max(1, len(points) - 1)
        place = [(left + step * width / steps, top + height * (1 - value / most)) for step, (_, value) in enumerate(points)]
        out.append(f'<text x="{left}" y="{top - 12}" font-weight="bold">{title}</text>')
        out.append(f'<path d="M{left} {top}V{top + height}H{left + width}" fill="none" stroke="#888"/>')
        out.append(f'<polyline points="{" ".join(f"{x:.0f},{y:.0f}" for x, y in place)}" fill="none" stroke="#0b63a5" stroke-width="2"/>')
        for (x, y), (amount, value) in zip(place, points):
            out.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#0b63a5"/>')
            out.append(f'<text x="{x:.0f}" y="{y - 8:.0f}" text-anchor="middle">{value:,.0f}</text>')
            out.append(f'<text x="{x:.0f}" y="{top + height + 15}" text-anchor="middle" fill="#555">{amount:,}</text>')
    return "\n".join([*out, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--target", default="x86_64")
    parser.add_argument("--brief", action="store_true", help="the first and the last of each series only")
    parser.add_argument("binary", type=pathlib.Path)
    arguments = parser.parse_args()
    some = (lambda amounts: [amounts[0], amounts[-1]]) if arguments.brief else (lambda amounts: amounts)
    with tempfile.TemporaryDirectory() as place:
        def count(what, times=400, groups=("Sales", "Support"), **more):
            return cost(arguments.target, arguments.binary, pathlib.Path(place), what, times, groups, **more)

        series = [
            ("a request for two groups, by groups known",
             [(known, count(ask, groups=names(known), url=asked(2))) for known in some([2, 4, 16, 64, 256])]),
            ("a request for all groups, by groups known",
             [(known, count(ask, groups=names(known), url=REQUEST)) for known in some([1, 4, 16, 64, 256])]),
            ("a request, by groups named, of 64 known",
             [(many, count(ask, groups=names(64), url=asked(many))) for many in some([1, 4, 16, 64])]),
            ("a datagram, by groups known",
             [(known, count(lambda server, times: send(server, times, names(known)), 512, groups=names(known)))
              for known in some([1, 4, 16, 64, 256])]),
            ("a request, by connections open",
             [(many, count(ask, max(2, 400 // many) if many < 400 else 2, connections=many) / many)
              for many in some([1, 16, 64, 256, 1000])]),
        ]
    for title, points in series:
        print(f"\n| {title} | " + " | ".join(f"{amount:,}" for amount, _ in points) + " |")
        print("|---|" + "---|" * len(points))
        print("| instructions | " + " | ".join(f"{value:,.0f}" for _, value in points) + " |")
    if arguments.write:
        (ROOT / "docs/speed-growth.svg").write_text(picture(series))


main()
