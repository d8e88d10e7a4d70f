"""Break and bend notebooks: in their JSON, in their cells, in their lines and words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random

from tests.unit.mutation.bases import BASES, HELPER_TEXTS
from tests.unit.mutation.snippets import STATEMENTS
from tests.unit.notebooks import code, markdown, notebook_json

ROLES = ("params", "site", "data", "model", "train", "evaluate", "strategy", "include", "skip")
OPTIONS = (
    *("", " metrics=loss", " metrics=a,a", " examples=x", ' call="train(model, loader)"'),
    *(" exchange=trainable", ' exchange="*.weight"', " metrics=", " name=net", " =", ' x="'),
    *(' call="f("', " keep=x"),
)
BLOCKS = (
    *("if True:", "for i in range(3):", "while True:", "def f():", "class C:", "try:", "with x:"),
    *(
        "async def f():",
        "if __name__ == '__main__':",
        "for model in models:",
        "@x\ndef g(a):",
        "else:",
    ),
)
HEADINGS = ("# Training loop", "## 2. Data loading", "# Model definition", "text")
SIMPLE = (None, True, 0, -1, 1e308, "", "code", "x = 1", "nbfed:train", "\ud800", [], {}, ["a", 1])
WORD = re.compile(r"[^\W\d]\w*")
NOISE = "\n\t #'\"()[]{}\\:=%!?@,.*é\x00\r\x0c\u2028\ud800_0aA"

Cells = list[str]
Operation = Callable[[Random, Cells], None]


def mutated_cells(chance: Random, most: int = 6) -> Cells:
    """The cells of a notebook with some mutations: Python still, as a rule."""
    cells = list(chance.choice(BASES))
    for _ in range(chance.randint(1, most)):
        if cells:
            chance.choice(OPERATIONS)(chance, cells)
    return cells


def mutated_json(chance: Random, most: int = 4) -> dict[str, object]:
    """The JSON of a notebook with some of its parts gone or something else."""
    content = as_notebook(chance, list(chance.choice(BASES)))
    for _ in range(chance.randint(1, most)):
        nodes = [node for node in containers(content) if node]
        node = chance.choice(nodes)
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = chance.choice(keys)
        if chance.random() < 0.4:
            del node[key]  # type: ignore[arg-type]
        else:
            node[key] = any_json(chance)  # type: ignore[index,call-overload]
    return content


def mutated_helpers(chance: Random) -> dict[str, str]:
    """The modules beside the notebook, at times mutated too."""
    helpers = dict(HELPER_TEXTS)
    if chance.random() < 0.3:
        name = chance.choice(sorted(helpers))
        cells = [helpers[name]]
        for _ in range(chance.randint(1, 3)):
            chance.choice(LINE_OPERATIONS)(chance, cells)
        # As files are read: there is no text that UTF-8 cannot encode.
        helpers[name] = cells[0].encode("utf-8", "replace").decode("utf-8")
    if chance.random() < 0.1:
        del helpers[chance.choice(sorted(helpers))]
    return helpers


def as_notebook(chance: Random, cells: Cells) -> dict[str, object]:
    """A notebook of these cells, with what the format may hold besides."""
    listed: list[dict[str, object]] = []
    for number, source in enumerate(cells):
        tags = [f"nbfed:{chance.choice(ROLES)}"] if chance.random() < 0.03 else []
        if chance.random() < 0.05:
            listed.append(
                markdown(chance.choice(("# Training loop", "## 2. Data loading", "text")))
            )
        listed.append(code(source, *tags, execution_count=number, id=f"c{number}"))
    return notebook_json(*listed)


def as_data(content: object) -> bytes:
    """The bytes of a file; characters that UTF-8 lacks are escaped, as writers do."""
    return json.dumps(content).encode()


def containers(node: object) -> list[dict[str, object] | list[object]]:
    """Every object and array of a JSON document."""
    if isinstance(node, dict):
        return [node, *(each for value in node.values() for each in containers(value))]
    if isinstance(node, list):
        return [node, *(each for value in node for each in containers(value))]
    return []


def any_json(chance: Random) -> object:
    """Some value; seldom a deep one."""
    simple = (
        None,
        True,
        0,
        -1,
        1e308,
        "",
        "code",
        "x = 1",
        "nbfed:train",
        "\ud800",
        [],
        {},
        ["a", 1],
    )
    value: object = chance.choice(simple)
    if chance.random() < 0.1:
        for _ in range(chance.choice((1, 3, 300))):
            value = [value] if chance.random() < 0.5 else {"cells": value}
    return value


def _drop_cell(chance: Random, cells: Cells) -> None:
    del cells[chance.randrange(len(cells))]


def _repeat_cell(chance: Random, cells: Cells) -> None:
    cells.insert(chance.randint(0, len(cells)), chance.choice(cells))


def _move_cell(chance: Random, cells: Cells) -> None:
    cell = cells.pop(chance.randrange(len(cells)))
    cells.insert(chance.randint(0, len(cells)), cell)


def _foreign_cell(chance: Random, cells: Cells) -> None:
    cells.insert(chance.randint(0, len(cells)), chance.choice(chance.choice(BASES)))


def _join_cells(chance: Random, cells: Cells) -> None:
    at = chance.randrange(len(cells))
    cells[at : at + 2] = ["\n".join(cells[at : at + 2])]


def _split_cell(chance: Random, cells: Cells) -> None:
    at = chance.randrange(len(cells))
    lines = cells[at].split("\n")
    cut = chance.randint(0, len(lines))
    cells[at : at + 1] = ["\n".join(lines[:cut]), "\n".join(lines[cut:])]


def _other_role(chance: Random, cells: Cells) -> None:
    at = chance.randrange(len(cells))
    rest = re.sub(r"\A# nbfed:.*\n?", "", cells[at])
    head = f"# nbfed: {chance.choice(ROLES)}{chance.choice(OPTIONS)}\n"
    cells[at] = rest if chance.random() < 0.3 else head + rest


def _drop_line(chance: Random, cells: Cells) -> None:
    at, lines, line = _line(chance, cells)
    del lines[line]
    cells[at] = "\n".join(lines)


def _repeat_line(chance: Random, cells: Cells) -> None:
    at, lines, line = _line(chance, cells)
    lines.insert(chance.randint(0, len(lines)), lines[line])
    cells[at] = "\n".join(lines)


def _new_statement(chance: Random, cells: Cells) -> None:
    at, lines, line = _line(chance, cells)
    indent = re.match(r"[ \t]*", lines[line]).group()  # type: ignore[union-attr]
    statement = chance.choice(STATEMENTS)
    if chance.random() < 0.5:
        statement = _renamed(chance, statement, cells)
    lines[line:line] = [indent + each for each in statement.split("\n")]
    cells[at] = "\n".join(lines)


def _new_directive(chance: Random, cells: Cells) -> None:
    at, lines, line = _line(chance, cells)
    lines.insert(line, f"# nbfed: {chance.choice(ROLES)}{chance.choice(OPTIONS)}")
    cells[at] = "\n".join(lines)


def _indent_lines(chance: Random, cells: Cells) -> None:
    at, lines, first = _line(chance, cells)
    last = chance.randint(first, len(lines))
    block = chance.choice(BLOCKS) if chance.random() < 0.8 else ""
    lines[first:last] = [*block.split("\n"), *(f"    {each}" for each in lines[first:last])]
    cells[at] = "\n".join(lines)


def _other_word(chance: Random, cells: Cells) -> None:
    """One occurrence of a name becomes another name of the notebook."""
    at = chance.randrange(len(cells))
    words = list(WORD.finditer(cells[at]))
    if words:
        word = chance.choice(words)
        other = _any_word(chance, cells)
        cells[at] = cells[at][: word.start()] + other + cells[at][word.end() :]


def _other_name(chance: Random, cells: Cells) -> None:
    """A name becomes another one throughout the notebook."""
    name, other = _any_word(chance, cells), _any_word(chance, cells)
    for at, cell in enumerate(cells):
        cells[at] = re.sub(rf"\b{re.escape(name)}\b", other, cell)


def _noise(chance: Random, cells: Cells) -> None:
    at = chance.randrange(len(cells))
    start = chance.randint(0, len(cells[at]))
    end = start + chance.choice((0, 0, 1, 3, 10))
    noise = "".join(chance.choice(NOISE) for _ in range(chance.randint(0, 3)))
    cells[at] = cells[at][:start] + noise + cells[at][end:]


def _line(chance: Random, cells: Cells) -> tuple[int, list[str], int]:
    at = chance.randrange(len(cells))
    lines = cells[at].split("\n")
    return at, lines, chance.randrange(len(lines))


def _any_word(chance: Random, cells: Cells) -> str:
    words = WORD.findall(chance.choice(cells))
    return chance.choice(words) if words else "x"


def _renamed(chance: Random, statement: str, cells: Cells) -> str:
    names = {name: _any_word(chance, cells) for name in "xyz"}
    return re.sub(r"\b[xyz]\b", lambda found: names[found.group()], statement)


LINE_OPERATIONS: tuple[Operation, ...] = (
    *(_drop_line, _repeat_line, _new_statement, _new_statement, _indent_lines, _other_word, _noise),
)
OPERATIONS: tuple[Operation, ...] = (
    *LINE_OPERATIONS,
    *(_drop_cell, _repeat_cell, _move_cell, _foreign_cell, _join_cells, _split_cell, _other_role),
    *(_new_statement, _new_directive, _other_word, _other_name, _other_role),
)
