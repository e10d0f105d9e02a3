# SPDX-License-Identifier: MIT
"""Charts that have dark colours on a dark page.

A browser tells a picture which colours the page around it has: those of the reader's system, or
those that were chosen on the page.
"""

DARK = {
    "#ffffff": "#1e2129",  # the page
    "#000000": "#dfe1e6",
    "#595959": "#b4b8c0",
    "#666666": "#a6abb4",
    "#b0b0b0": "#8b9099",
    "#0072b2": "#56b4e9",
    "#56b4e9": "#2f6f9f",
    "#d55e00": "#f2874b",
}
"""What stands for each colour of the charts on a dark page: strong colours are light there."""


def with_dark_colors(chart):
    """An SVG file of matplotlib, as text, with a second set of colours."""
    rules = [f"svg {{ fill: {DARK['#000000']} }}"]  # text whose colour is not named
    rules += [
        f'[style*="{what}: {light}"] {{ {what}: {dark} !important }}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
        if f"{what}: {light}" in chart
    ]
    lines = ["@media (prefers-color-scheme: dark) {", *(f"  {rule}" for rule in rules), "}"]
    style = "\n".join([" <style>", *(f"  {line}" for line in lines), " </style>"])
    whole, end, _ = chart.rpartition("</svg>")
    return f"{whole}{style}\n{end}\n"
