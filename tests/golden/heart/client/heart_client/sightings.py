"""Signs of downloads and of addresses in the notebook's code, found by reading it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_CALLS = frozenset(
    {
        "download",
        "download_url",
        "fetch_openml",
        "from_pretrained",
        "load_dataset",
        "load_state_dict_from_url",
        "snapshot_download",
        "urlopen",
        "urlretrieve",
    }
)
_MODULES = frozenset({"aiohttp", "ftplib", "httpx", "requests", "smtplib", "socket", "urllib"})
_PROGRAMS = frozenset({"os.popen", "os.system", "subprocess"})
_SWITCHES = frozenset({"download", "pretrained", "weights"})


@dataclass(frozen=True)
class Sighting:
    """A line of a module, and what on it may mean a connection or another program."""

    line: int
    text: str


def sightings(source: str) -> list[Sighting]:
    """Return what in ``source`` may mean that something is downloaded, sent or started.

    This is a help for reading, and no proof: code can hide what it does.
    """
    found = {
        Sighting(node.lineno, text)
        for node in ast.walk(ast.parse(source))
        for text in _signs(node)
        if isinstance(node, ast.expr | ast.stmt)
    }
    return sorted(found, key=lambda each: (each.line, each.text))


def _signs(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value.startswith(("http://", "https://", "ftp://", "s3://")):
            yield node.value[:60]
    elif isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.partition(".")[0] in _MODULES | _PROGRAMS:
                yield f"import {alias.name}"
    elif isinstance(node, ast.ImportFrom):
        if (node.module or "").partition(".")[0] in _MODULES | _PROGRAMS:
            yield f"from {node.module} import"
    elif isinstance(node, ast.Call):
        yield from _call(node)


def _call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    if last in _CALLS or name.endswith(("hub.load", "hub_download")) or name in _PROGRAMS:
        yield f"{name}(...)"
    for keyword in node.keywords:
        is_off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
        if keyword.arg in _SWITCHES and not is_off:
            yield f"{last}({keyword.arg}={ast.unparse(keyword.value)[:40]})"
