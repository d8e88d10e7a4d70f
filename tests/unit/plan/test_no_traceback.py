"""However a notebook is broken, planning gives a program that compiles, or says why not."""

# ruff: noqa: E501 - lines as they are mutated into notebooks
from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbfed.catalogue import CATALOGUE
from nbfed.plan import plan
from nbfed.roles import Role

from .corpus_courses import COURSE_NOTEBOOKS
from .corpus_functions import FUNCTION_NOTEBOOKS
from .corpus_habits import HABIT_NOTEBOOKS, HELPERS
from .corpus_statements import STATEMENT_NOTEBOOKS
from .notebooks import notebook
from .running import module_text, stages, undefined_names

BOOKS = [
    text.strip("\n").split("\n")
    for books in (STATEMENT_NOTEBOOKS, FUNCTION_NOTEBOOKS, HABIT_NOTEBOOKS, COURSE_NOTEBOOKS)
    for text in books.values()
]
HEADS = st.sampled_from(["# %%", *(f"# %% {role}" for role in Role)])
LINES = st.sampled_from(
    [
        *("x = model", "del model", "global model", "model = None", "from torch.nn import *"),
        *("def train(*args, **kwargs): pass", "class model: pass", "lambda: (yield)", "await x"),
        *("import utils", "from . import a", "import torch as model", "print(f'{x!r:>{y}}')"),
        *("match x:\n    case [a, *b]: pass", "try:\n    pass\nfinally:\n    x = 1", "a = b = *c, d"),
        *("for model in range(3): pass", "with open('f') as model: pass", "x: int", "@model\ndef f(): 0"),
        *("if __name__ == '__main__':\n    x = 1; y = 2", "global a, b", "nonlocal c", "\u00fc = 'ß'"),
    ]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["delete", "copy", "swap", "head", "line", "indent", "dedent", "rename"]),
        st.floats(0, 0.999),
        st.floats(0, 0.999),
        HEADS,
        LINES,
    ),
    min_size=1,
    max_size=8,
)


def edited(lines: list[str], edits: list[tuple[str, float, float, str, str]]) -> str:
    lines = list(lines)
    for kind, first, second, head, line in edits:
        at, other = int(first * len(lines)), int(second * len(lines))
        if kind == "delete" and len(lines) > 3:
            del lines[at]
        elif kind == "copy":
            lines.insert(at, lines[other])
        elif kind == "swap":
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "head":
            lines.insert(at, head)
        elif kind == "line":
            lines.insert(at, line)
        elif not lines[at].startswith("# %%"):
            lines[at] = {
                "indent": f"    {lines[at]}",
                "dedent": lines[at].lstrip(),
                "rename": lines[at].replace("model", "net").replace("train", "test"),
            }.get(kind, lines[at])
    if not lines[0].startswith("# %%"):
        lines.insert(0, "# %%")
    return "\n".join(lines)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BOOKS), EDITS)
def test_a_program_or_a_reason(
    lines: list[str], edits: list[tuple[str, float, float, str, str]]
) -> None:
    found, regions = notebook(edited(lines, edits))
    program, problems = plan(found, regions, HELPERS)
    assert all(problem.code in CATALOGUE for problem in problems)
    errors = [problem for problem in problems if problem.severity == "error"]
    for problem in problems:
        cell = problem.location.cell
        assert cell <= len(found.cells)
        if problem.location.line:
            source = found.cell(cell).source.split("\n")
            assert problem.location.line <= len(source)
            assert problem.source_line in ("", source[problem.location.line - 1])
    if program is None:
        present = {region.role for region in regions}
        assert (
            errors or not {Role.DATA, Role.MODEL, Role.TRAIN} <= present or _empty(found, regions)
        )
        return
    assert not errors
    for stage in stages(program):
        text = module_text(program, stage)
        compile(text, "generated.py", "exec")
        # `super()` outside of a class is an error of its own, and only when it runs.
        assert "helper" in text or undefined_names(text) <= {"__class__"}


def _empty(found: object, regions: object) -> bool:
    """Whether a needed role has no statement: then `find_regions` has said so."""
    from nbfed.analyse.statements import statements_of

    roles = {item.role for item in statements_of(found, regions)}  # type: ignore[arg-type]
    return not {Role.DATA, Role.MODEL, Role.TRAIN} <= roles
