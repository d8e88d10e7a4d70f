"""Where a notebook makes its loaders, and what they are made of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nbfed.roles import Role
from nbfed.suggest.code import BACKWARD, Code, Statement, calls_any, first_in_places
from nbfed.suggest.suggestion import Confidence, Suggestion

_LOADER = re.compile(r"(?:.*\.)?\w*(?:DataLoader|DataLoaders|DataBunch)(?:\.\w+)?")
_READS_DATA = re.compile(
    r"(?:pd|pandas)\.read_\w+|np\.load\w*|numpy\.load\w*|(?:\w+\.)*load_(?!state)\w+"
    r"|(?:\w+\.)*fetch_\w+|(?:\w+\.)*(?:ImageFolder|DatasetFolder)|datasets\.\w+|(?:\w+\.)*\w*MNIST"
    r"|(?:\w+\.)*train_test_split|(?:nib|nibabel)\.load|pydicom\.\w+|h5py\.File|glob\.glob|os\.listdir"
)
_DATA_STATES = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With, ast.If, ast.Expr)


def find_data(
    code: Code, users: list[Suggestion], taken: Iterable[tuple[int, int]]
) -> list[Suggestion]:
    """The statements that make loaders, and those that read what the loaders are made of.

    ``users`` train and evaluate; places in ``taken`` have another role already.
    """
    loaders = _loaders(code, users)
    if not loaders:
        return _without_loaders(code, users, set(taken))
    how = Confidence.CERTAIN if len({each.place for each in loaders}) == 1 else Confidence.LIKELY
    first = first_in_places(loaders)
    found = [Suggestion(each, Role.DATA, how, "makes the loaders") for each in first]
    places = {*taken, *(each.place for each in first)}
    for each, name in _sources(code, loaders):
        if each.place not in places:
            places.add(each.place)
            found.append(_source(code, each, f"makes `{name}`, which the loaders need"))
    return found


def _loaders(code: Code, users: list[Suggestion]) -> list[Statement]:
    loaders = [each for each in code.statements if makes_loader(code, each)]
    # `loaders = get_loaders()` in the cell that also starts the training: the function is meant.
    main = {each.place for each in code.statements if _starts_training(code, each)}
    top = [each for each in loaders if not each.is_definition and each.place not in main]
    called = {name for each in top for name in each.calls}
    functions = [each for each in loaders if each.is_definition and not each.binds & called]
    top = top or [each for each in loaders if not (each.is_definition or functions)]
    wanted = read_by(code, users)
    return [each for each in top if each.binds & wanted] or top or functions


def _without_loaders(
    code: Code, users: list[Suggestion], taken: set[tuple[int, int]]
) -> list[Suggestion]:
    """What training reads, as far as it comes from data that were read."""
    starts = [each.statement for each in users]
    reading = [
        (each, name)
        for each, name in _sources(code, starts)
        if each.place not in taken
        and any(calls_any([s], _READS_DATA) for s in (each, *_all_sources(code, each)))
    ]
    names = {each.place: name for each, name in reversed(reading)}
    return [
        _source(code, each, f"makes `{names[each.place]}` from data that are read")
        for each in first_in_places(each for each, _ in reading)
    ]


def _source(code: Code, each: Statement, reason: str) -> Suggestion:
    # A cell of imports and settings that happens to do something is no cell of data.
    imports = any(
        isinstance(other.node, ast.Import | ast.ImportFrom)
        for other in code.statements
        if other.place == each.place
    )
    if imports:
        return Suggestion(each, Role.DATA, Confidence.UNCERTAIN, reason, whole_cell=False)
    return Suggestion(each, Role.DATA, Confidence.LIKELY, reason)


def _all_sources(code: Code, each: Statement) -> list[Statement]:
    return [source for source, _ in _sources(code, [each])]


def _starts_training(code: Code, each: Statement) -> bool:
    if each.is_definition or calls_any([each], BACKWARD):
        return False
    return calls_any(code.reached(each), BACKWARD)


def makes_loader(code: Code, each: Statement) -> bool:
    """Whether it makes a loader, by itself or by a function of the notebook."""
    if isinstance(each.node, ast.ClassDef | ast.Import | ast.ImportFrom):
        return False
    if calls_any([each], _LOADER):
        return True
    return isinstance(each.node, ast.Assign) and any(
        name in code.functions and calls_any([code.functions[name]], _LOADER) for name in each.calls
    )


def read_by(code: Code, users: list[Suggestion]) -> set[str]:
    """Names that training and evaluation read, in their code and as arguments of their calls."""
    names: set[str] = set()
    for each in users:
        for reached in code.reached(each.statement):
            names |= reached.reads
        if each.statement.is_definition:
            for name in each.statement.binds:
                for caller in code.callers(name):
                    names |= caller.reads
    return names


def _sources(code: Code, starts: list[Statement]) -> list[tuple[Statement, str]]:
    """Statements that do something and make what others need, with a name that they make."""
    found: list[tuple[Statement, str]] = []
    waiting, seen = list(starts), {each.position for each in starts}
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
