"""A matplotlib figure as SVG inside a page: in the page's colours and fonts, and named."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
# Colours that no figure means as such: each stands for a colour of the page, light or dark.
COLOURS = {
    name: f"#{number:02x}{number:02x}{number:02x}"
    for number, name in enumerate(
        ("text", "faint", "edge", "page", "own", "pooled", "federated", "bad", "away",
         "c0", "c1", "c2", "c3", "c4", "c5"),
        start=1,
    )
}  # fmt: skip
_VARIABLES = {colour: f"var(--{name})" for name, colour in COLOURS.items()}
_STYLE: Any = {
    "font.size": 11,
    "font.family": "DejaVu Sans",
    "text.color": COLOURS["text"],
    "text.parse_math": False,
    "axes.edgecolor": COLOURS["edge"],
    "axes.labelcolor": COLOURS["faint"],
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "grid.color": COLOURS["edge"],
    "grid.linewidth": 0.7,
    "hatch.color": COLOURS["page"],
    "svg.fonttype": "none",
    "xtick.color": COLOURS["edge"],
    "ytick.color": COLOURS["edge"],
    "xtick.labelcolor": COLOURS["faint"],
    "ytick.labelcolor": COLOURS["text"],
}
_PIXELS = 72.0
_NO_DATES = {"Date": None, "Creator": None, "Format": None, "Type": None}

ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)


@contextmanager
def page_style() -> Iterator[None]:
    """Draw as the page does, whatever the machine's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def sheet(width: float, height: float) -> Figure:
    """An empty figure of this size in pixels of the page."""
    return Figure(figsize=(width / _PIXELS, height / _PIXELS), dpi=_PIXELS)


def inline_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """The figure as one ``<svg>`` element, the same text each time.

    ``name`` must be another one for each figure of a page: it begins the element's ids. ``title``
    and ``description`` are what a screen reader says instead of the picture.
    """
    buffer = io.StringIO()
    matplotlib.rcParams["svg.hashsalt"] = name
    figure.savefig(buffer, format="svg", metadata=_NO_DATES)
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        element.attrib = {key: _on_page(key, text, name) for key, text in element.attrib.items()}
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
        "style": f"max-width: {float(width) * 1.25:.0f}px; aspect-ratio: {width} / {height}",
    }
    for tag, text in (("desc", description), ("title", title)):
        told = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        told.text = text
        root.insert(0, told)
    return ElementTree.tostring(root, encoding="unicode")


def _on_page(key: str, text: str, name: str) -> str:
    if key == "id":
        return f"{name}-{text}"
    if key.endswith("href"):
        return text.replace("#", f"#{name}-", 1)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda found: _VARIABLES.get(found[0], found[0]), text)
    # Of a font, only its size and weight are the figure's own.
    return re.sub(r"font: (bold |700 )?([\d.]+px) [^;]+", _font, text)


def _font(found: re.Match[str]) -> str:
    return f"font-size: {found[2]}" + ("; font-weight: 600" if found[1] else "")
