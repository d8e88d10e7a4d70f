"""The notebook as one page of HTML for the site's reviewer: code, text and roles, no output.

The page loads nothing from anywhere: no script, no font, no picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import bleach
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from nbfed.bundle.redaction import without_values
from nbfed.read.cells import Cell, Notebook
from nbfed.roles import Region, Role
from nbfed.template_folder import templates_path

# What becomes of a region, for a reader who has never heard of roles.
MEANINGS: Mapping[Role | None, str] = {
    Role.PARAMS: "settings that the server may choose for a run",
    Role.SITE: "values of each site's own; the author's are not shown",
    Role.DATA: "runs at the site: reads its data",
    Role.MODEL: "makes the model, at the server and at the sites",
    Role.TRAIN: "runs at the site, in every round",
    Role.EVALUATE: "runs at the site; the numbers that it computes are sent",
    Role.STRATEGY: "runs at the server",
    Role.INCLUDE: "runs where another part needs it",
    Role.SKIP: "never runs",
    None: "never runs, but for lines that another part needs",
}

_TEXT = {
    "a",
    "b",
    "br",
    "code",
    "del",
    "em",
    "i",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "u",
}
_BLOCKS = {"blockquote", "center", "details", "div", "hr", "li", "ol", "p", "pre", "summary", "ul"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_TABLES = {"table", "tbody", "td", "th", "thead", "tr"}
_TAGS = _TEXT | _BLOCKS | _HEADINGS | _TABLES
_ATTRIBUTES = {"a": ["href", "title"], "th": ["align"], "td": ["align"]}


@dataclass(frozen=True)
class Part:
    """Consecutive lines of one cell: a region of code, or the whole of a Markdown cell."""

    cell: int
    kind: str
    role: str
    meaning: str
    lines: str
    modules: tuple[str, ...]
    body: Markup


def notebook_page(
    notebook: Notebook,
    regions: Sequence[Region],
    sources: Mapping[str, Sequence[Sequence[int]]],
    *,
    federation: str,
    digest: str,
) -> bytes:
    """The page, as UTF-8.

    ``sources`` is the client package's source map: module -> [first and last line in it, cell,
    first line in the cell], from which the page says where each region's code went.
    """
    return (
        _environment()
        .get_template("kit/notebook.html.jinja")
        .render(
            notebook=notebook.file,
            federation=federation,
            digest=digest,
            meanings=[(str(role), text) for role, text in MEANINGS.items() if role],
            parts=list(_parts(notebook, regions, sources)),
            colours=Markup(HtmlFormatter(style="friendly").get_style_defs(".highlight")),
        )
        .encode()
    )


def _parts(
    notebook: Notebook, regions: Sequence[Region], sources: Mapping[str, Sequence[Sequence[int]]]
) -> Iterator[Part]:
    for cell in notebook.cells:
        if not cell.raw.strip():
            continue
        if cell.kind != "code":
            yield Part(cell.index, cell.kind, "", "", "", (), _text(cell))
            continue
        for region in (each for each in regions if each.cell == cell.index):
            source = without_values(cell, region)
            yield Part(
                cell=cell.index,
                kind="code",
                role=str(region.role or ""),
                meaning=MEANINGS[region.role],
                lines=_lines(region),
                modules=_modules(region, sources),
                body=Markup(Highlight2HTML()(source, language="ipython3")),
            )


def _lines(region: Region) -> str:
    first, last = region.first_line, region.last_line
    return f"line {first}" if first == last else f"lines {first}–{last}"


def _modules(region: Region, sources: Mapping[str, Sequence[Sequence[int]]]) -> tuple[str, ...]:
    """The generated modules that hold lines of the region."""
    return tuple(
        module
        for module, rows in sorted(sources.items())
        if any(
            cell == region.cell
            and line <= region.last_line
            and line + last - first >= region.first_line
            for first, last, cell, line in rows
        )
    )


def _text(cell: Cell) -> Markup:
    if cell.kind != "markdown":
        return Markup("<pre>{}</pre>").format(cell.raw)
    html = MarkdownWithMath(
        renderer=_WithoutPictures(escape=False, exclude_anchor_links=True)
    ).render(cell.raw)
    # Markdown may hold any HTML: what could load or run something goes.
    return Markup(bleach.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, strip=True))


class _WithoutPictures(IPythonRenderer):
    """Pictures are attachments, which may show data, or lie elsewhere: their place is named."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return what stands for a picture."""
        return f"<em>[picture: {bleach.clean(text or title or 'without a name', tags=set())}]</em>"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(templates_path()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
