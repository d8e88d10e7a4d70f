"""Where a notebook makes its loaders, and what they are made of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nbfed.roles import Role
from nbfed.suggest_code import Code, Statement, calls_any, first_in_places
from nbfed.suggestion import Confidence, Suggestion

_LOADER = re.compile(r"(?:.*\.)?\w*(?:DataLoader|DataLoaders|DataBunch)(?:\.\w+)?")
_READS_DATA = re.compile(
    r"(?:pd|pandas)\.read_\w+|np\.load\w*|numpy\.load\w*|(?:\w+\.)*load_(?!state)\w+"
    r"|(?:\w+\.)*fetch_\w+|(?:\w+\.)*(?:ImageFolder|DatasetFolder)|datasets\.\w+|(?:\w+\.)*\w*MNIST"
    r"|(?:\w+\.)*train_test_split|(?:nib|nibabel)\.load|pydicom\.\w+|h5py\.File|glob\.glob|os\.listdir"
)
_DATA_STATES = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With, ast.If, ast.Expr)


def find_data(
    code: Code, train: list[Suggestion], taken: Iterable[tuple[int, int]]
) -> list[Suggestion]:
    """The statements that make loaders, and those that read what the loaders are made of.

    Places in ``taken`` have another role already.
    """
    others = set(taken)
    loaders = [each for each in code.statements if makes_loader(code, each)]
    called = {name for each in loaders if not each.is_definition for name in each.calls}
    loaders = [each for each in loaders if not (each.is_definition and each.binds & called)]
    top = [each for each in loaders if not each.is_definition]
    wanted = read_by(code, train)
    chosen = [each for each in top if each.binds & wanted] or top or loaders
    if not chosen:
        reading = [each for each in code.statements if calls_any([each], _READS_DATA)]
        reason = "reads data; the notebook makes no loader"
        return [Suggestion(s, Role.DATA, Confidence.UNCERTAIN, reason)
                for s in first_in_places(reading) if s.place not in others]  # fmt: skip
    how = Confidence.CERTAIN if len({each.place for each in chosen}) == 1 else Confidence.LIKELY
    first = first_in_places(chosen)
    found = [Suggestion(each, Role.DATA, how, "makes the loaders") for each in first]
    places = others | {each.place for each in first}
    for each, name in _sources(code, chosen):
        if each.place not in places:
            places.add(each.place)
            reason = f"makes `{name}`, which the loaders need"
            found.append(Suggestion(each, Role.DATA, Confidence.LIKELY, reason))
    return found


def makes_loader(code: Code, each: Statement) -> bool:
    """Whether it makes a loader, by itself or by a function of the notebook."""
    if isinstance(each.node, ast.ClassDef | ast.Import | ast.ImportFrom):
        return False
    if calls_any([each], _LOADER):
        return True
    return isinstance(each.node, ast.Assign) and any(
        name in code.functions and calls_any([code.functions[name]], _LOADER) for name in each.calls
    )


def read_by(code: Code, train: list[Suggestion]) -> set[str]:
    """Names that training reads: in its code, and as arguments where its function is called."""
    names: set[str] = set()
    for each in train:
        for reached in code.reached(each.statement):
            names |= reached.reads
        if each.statement.is_definition:
            for name in each.statement.binds:
                for caller in code.callers(name):
                    names |= caller.reads
    return names


def _sources(code: Code, loaders: list[Statement]) -> list[tuple[Statement, str]]:
    """Statements that do something and make what the loaders need, with a name they make."""
    found: list[tuple[Statement, str]] = []
    waiting, seen = list(loaders), {each.position for each in loaders}
    while waiting:
        each = waiting.pop()
        for name in sorted(each.reads):
            source = code.definition_before(name, each.position)
            if source is None or source.position in seen:
                continue
            seen.add(source.position)
            waiting.append(source)
            if not source.is_pure and isinstance(source.node, _DATA_STATES):
                found.append((source, name))
    return sorted(found, key=lambda pair: pair[0].position)
