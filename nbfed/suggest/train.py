"""Where a notebook trains and where it evaluates."""

from __future__ import annotations

import ast
import re

from nbfed.roles import Role
from nbfed.suggest.code import BACKWARD, Code, Statement, calls_any, first_in_places
from nbfed.suggest.data import makes_loader
from nbfed.suggest.suggestion import Confidence, Suggestion

_STEP = re.compile(r".+\.step")
_TRAINER = re.compile(r"\w*[Tt]rainer\w*\.(?:fit|train|run)|learn\w*\.(?:fit\w*|fine_tune)")
_NO_TRAINING = re.compile(r"(?:.*\.)?(?:no_grad|inference_mode|eval)")
_DRAWS = re.compile(r"(?:plt|sns|ax\w*|fig|axes?)\.\w+|(?:.*\.)?(?:imshow|show|plot)")
_EVALUATES = re.compile(r"test|eval|valid|score|metric|check_acc|accuracy", re.IGNORECASE)
_MEASURES = re.compile(
    r"acc|auc|auroc|dice|loss|f1|iou|jaccard|correct|metric|mae|mse|score|error|precision|recall",
    re.IGNORECASE,
)
_TRAINS = re.compile(r"train|fit|run|main", re.IGNORECASE)
_LOOPS = (ast.For, ast.While, ast.With, ast.If, ast.Try)


def find_train(code: Code) -> list[Suggestion]:
    """The regions that train: one if the notebook shows clearly which, else every candidate."""
    sources = [each for each in code.statements if calls_any([each], BACKWARD)]
    anchors = {found.position: found for each in sources for found in _outermost(code, each)}
    found = list(anchors.values())
    stepping = [each for each in found if calls_any(code.reached(each), _STEP)]
    found = stepping or found
    if not found:
        trainers = [each for each in code.statements if calls_any([each], _TRAINER)]
        return _suggest(trainers, "calls a trainer", Confidence.LIKELY)
    if len(found) > 1:
        named = [each for each in found if any(_TRAINS.match(name) for name in each.binds)]
        # A function that trains and a demonstration of one step: the function is meant.
        found = named if len(named) == 1 and named[0].is_definition else found
    if len({each.place for each in anchors.values()}) == 1:
        how = Confidence.CERTAIN
    else:
        one = len({each.place for each in found}) == 1
        how = Confidence.LIKELY if one else Confidence.UNCERTAIN
    proposed = [
        Suggestion(each, Role.TRAIN, how, _why_train(code, each)) for each in first_in_places(found)
    ]
    if how is Confidence.UNCERTAIN:
        return proposed
    places = {each.place for each in found}
    # A cell that makes the loaders too has more to it than a tag can say.
    places |= {each.place for each in code.statements if makes_loader(code, each)}
    drivers = [each for each in _drivers(code, found) if each.place not in places]
    if len({each.place for each in drivers}) == 1:
        reason = "runs the training"
        proposed.append(Suggestion(drivers[0], Role.TRAIN, Confidence.LIKELY, reason))
    return proposed


def _drivers(code: Code, found: list[Statement]) -> list[Statement]:
    """The loops over epochs, and single calls, outside of the functions that train."""
    return [
        caller
        for each in found
        if each.is_definition and not isinstance(each.node, ast.ClassDef)
        for name in each.binds
        for caller in code.callers(name)
        if not caller.is_definition
    ]


def find_evaluate(code: Code, train: list[Suggestion]) -> list[Suggestion]:
    """The regions that measure the model without training it."""
    candidates = [
        each
        for each in code.statements
        if calls_any([each], _NO_TRAINING)
        and not isinstance(each.node, ast.ClassDef)
        and not calls_any(code.reached(each), BACKWARD)
        and not _only_switches(each)
    ]
    if not candidates:
        return [_inside(each.statement) for each in train if _validates(code, each.statement)][:1]
    start = min((each.statement.position for each in train), default=0)
    scored = sorted(((_score(each, start), each.place) for each in candidates), reverse=True)
    best = scored[0][0]
    places = {place for score, place in scored if score == best}
    chosen = [each for each in candidates if each.place in places]
    if best <= 0 or len(places) > 1:
        how = Confidence.UNCERTAIN
    else:
        how = Confidence.CERTAIN if len({place for _, place in scored}) == 1 else Confidence.LIKELY
    return [
        Suggestion(each, Role.EVALUATE, how, "runs the model without gradients and measures it")
        for each in first_in_places(chosen)
    ]


def _outermost(code: Code, source: Statement) -> list[Statement]:
    """Where the training begins: the statement itself, or the function that no other calls."""
    if not source.is_definition or isinstance(source.node, ast.ClassDef):
        return [source]
    found: dict[int, Statement] = {}
    seen = {source.position}
    waiting = [source]
    while waiting:
        function = waiting.pop()
        callers = [each for name in function.binds for each in code.callers(name)]
        functions = [each for each in callers if each.is_definition]
        waiting += [each for each in functions if each.position not in seen]
        seen.update(each.position for each in functions)
        if not functions:
            found[function.position] = function
    return list(found.values())


def _why_train(code: Code, each: Statement) -> str:
    if isinstance(each.node, ast.ClassDef):
        return f"the class `{each.node.name}` calls `.backward()`"
    inner = next((found for found in code.reached(each) if calls_any([found], BACKWARD)), None)
    if inner is None:  # what it calls has the name of something that is defined anew further down
        return "calls what calls `.backward()`"
    if inner is not each:
        name = next(iter(inner.binds))
        return f"calls `{name}`, which calls `.backward()`"
    line = next(
        node.lineno
        for node in ast.walk(each.node)
        if isinstance(node, ast.Attribute | ast.Name)
        and BACKWARD.fullmatch(node.attr if isinstance(node, ast.Attribute) else node.id)
    )
    return f"calls `.backward()` at line {line}"


def _suggest(found: list[Statement], reason: str, how: Confidence) -> list[Suggestion]:
    how = how if len(found) == 1 else Confidence.UNCERTAIN
    return [Suggestion(each, Role.TRAIN, how, reason) for each in found]


def _score(each: Statement, train: int) -> int:
    names = " ".join([*each.binds, *each.reads])
    named = each.is_definition and any(_EVALUATES.search(name) for name in each.binds)
    loops = any(isinstance(node, ast.For | ast.ListComp) for node in ast.walk(each.node))
    return (
        3 * named
        + 2 * bool(_MEASURES.search(names))
        + 2 * isinstance(each.node, _LOOPS)
        + (each.position > train)
        + bool(re.search(r"test|val", names, re.IGNORECASE))
        - 4 * calls_any([each], _DRAWS)
        - 3 * (not loops)
    )


def _only_switches(each: Statement) -> bool:
    """``model.eval()`` by itself, or a decorator's mention, measures nothing."""
    return isinstance(each.node, ast.Expr) and len(each.calls) == 1


def _validates(code: Code, train: Statement) -> bool:
    return calls_any(code.reached(train), _NO_TRAINING)


def _inside(train: Statement) -> Suggestion:
    return Suggestion(
        train,
        Role.EVALUATE,
        Confidence.UNCERTAIN,
        "the training code also validates; copy that part into a cell of its own",
        whole_cell=False,
    )
