"""Numbers that training keeps in lists, one an epoch: the last of each is its metric."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbfed.analyse.bodies import last_returned, own_nodes
from nbfed.analyse.candidates import outside_batches, reset_names
from nbfed.analyse.epochs import LOOPS, epoch_trainers, is_over_epochs
from nbfed.analyse.facts import Facts
from nbfed.analyse.numbers import Numbers, Surety
from nbfed.analyse.scopes import parameters
from nbfed.analyse.statements import Statement, written
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.plan.completed import Completed, inserted, unchanged
from nbfed.plan.metrics import metrics_of
from nbfed.plan.printed import Printed
from nbfed.plan.settings import Settings
from nbfed.roles import Role


@dataclass(frozen=True)
class _Kept:
    """A list, `losses` or `history["loss"]`, and the number that is appended to it."""

    owner: ast.expr
    value: ast.expr

    @property
    def text(self) -> str:
        return ast.unparse(self.owner)

    @property
    def name(self) -> str:
        """A name for one of its numbers: `train_loss` for `train_losses`."""
        match self.owner:
            case ast.Subscript(slice=ast.Constant(value=str() as key)):
                return _as_name(key)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                said = _singular(name)
                return Printed(self.value, "").name if _CONTAINER.fullmatch(said) else said
        return ""


def training_record(facts: Facts, settings: Settings) -> Completed:
    """Bind the last number of each list that training fills and that no name holds besides."""
    own = facts.of_role(Role.TRAIN)
    if not own or any("metrics" in item.options for item in own):
        return unchanged(facts)
    body = [node for item in own for node in item.nodes]
    known = frozenset(metrics_of(facts, Role.TRAIN).names)
    reset = reset_names(body)
    found = {
        (kept.text, kept.name): None
        for kept in _kept_in(facts, body)
        if not _held(kept, body, known - reset)
    }
    found |= dict.fromkeys(pair for item in own for pair in _returned(facts, item))
    lines: dict[str, str] = {}
    for text, wanted in found:
        name = _free(facts, wanted, lines)
        if name:
            lines[name] = f"{name} = {text}[-1]"
    new = [written(line, own[-1], Role.TRAIN) for line in lines.values()]
    return Completed(inserted(facts, own[-1].order + 1, *new)) if new else unchanged(facts)


def _held(kept: _Kept, body: Sequence[ast.stmt], known: frozenset[str]) -> bool:
    """Whether a metric's name holds the number already."""
    if isinstance(kept.value, ast.Name):
        return kept.value.id in known
    same = {ast.unparse(kept.value), kept.text}
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id in known for t in node.targets)
        # The number itself, or what its author takes out of the list.
        and any(isinstance(p, ast.expr) and ast.unparse(p) in same for p in ast.walk(node.value))
        for node in own_nodes(list(body))
    )


def _kept_in(facts: Facts, body: Sequence[ast.stmt]) -> Iterator[_Kept]:
    """The lists that ``body`` appends a number to, once an epoch for certain."""
    trainers = epoch_trainers(facts.vocabulary)
    numbers = Numbers(facts.vocabulary, {})
    found = numbers.judged(body)
    stored = {
        part.id
        for part in own_nodes(list(body))
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }
    of_batches = stored - outside_batches(body, trainers)
    for kept in _appended(body, trainers, {}):
        names = {part.id for part in ast.walk(kept.value) if isinstance(part, ast.Name)}
        sure = numbers.surety(kept.value, found) >= Surety.LIKELY
        if sure and not names & of_batches and not _made_anew(kept, body):
            yield kept


def _made_anew(kept: _Kept, body: Sequence[ast.stmt]) -> bool:
    """Whether the list's name is bound after the append: `losses = np.mean(losses)`."""
    root = next((p.id for p in ast.walk(kept.owner) if isinstance(p, ast.Name)), "")
    nodes = own_nodes(list(body))
    after = nodes[next(at for at, node in enumerate(nodes) if node is kept.value) :]
    return any(
        isinstance(node, ast.Name) and node.id == root and isinstance(node.ctx, ast.Store)
        for node in after
    )


def _appended(
    body: Sequence[ast.stmt], trainers: frozenset[str], phases: Mapping[str, frozenset[object]]
) -> Iterator[_Kept]:
    """What is appended outside of loops over batches; ``phases`` has what loops run through."""
    for node in body:
        match node:
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=owner, attr="append"), args=[value])
            ):
                yield _Kept(owner, value)
            case ast.For(target=ast.Name(id=name), iter=ast.List() | ast.Tuple() as listed):
                values = frozenset(e.value for e in listed.elts if isinstance(e, ast.Constant))
                if is_over_epochs(node, trainers) or _holds_batches(node):
                    yield from _appended(node.body, trainers, {**phases, name: values})
            case ast.For() | ast.While() if is_over_epochs(node, trainers):
                yield from _appended(node.body, trainers, phases)
            case ast.With() | ast.Try():
                yield from _appended(node.body, trainers, phases)
            case ast.If(
                test=ast.Compare(
                    left=ast.Name(id=name),
                    ops=[ast.Eq()],
                    comparators=[ast.Constant(value=value)],
                )
            ) if value in phases.get(name, ()):
                yield from _appended(node.body, trainers, phases)


def _holds_batches(loop: ast.For) -> bool:
    """`for phase in ["train", "val"]:` around a loop over batches."""
    return any(isinstance(part, LOOPS) for child in loop.body for part in ast.walk(child))


def _returned(facts: Facts, item: Statement) -> Iterator[tuple[str, str]]:
    """Lists that the statement gets from a function that fills them: text and name."""
    match item.nodes:
        case (ast.Assign(targets=[target], value=ast.Call(func=func)),):
            function = _function(facts, func)
        case _:
            return
    returned = last_returned(function) if function is not None else None
    if function is None or returned is None:
        return
    kept = list(_kept_in(facts, function.body))
    if isinstance(returned, ast.Tuple) and isinstance(target, ast.Tuple):
        pairs = list(zip(target.elts, returned.elts, strict=False))
    else:
        pairs = [(target, returned)]
    for bound, part in pairs:
        if isinstance(bound, ast.Name):
            yield from _parts(bound.id, part, kept)


def _parts(bound: str, part: ast.expr, kept: Sequence[_Kept]) -> Iterator[tuple[str, str]]:
    if isinstance(part, ast.Dict):
        for key, value in zip(part.keys, part.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                for one in kept:
                    if one.text == ast.unparse(value):
                        yield f"{bound}[{key.value!r}]", _as_name(key.value)
        return
    whole = ast.unparse(part)
    for one in kept:
        match one.owner:
            case ast.Subscript(value=holder, slice=ast.Constant(value=str() as word)):
                if ast.unparse(holder) == whole:
                    yield f"{bound}[{word!r}]", one.name
            case _ if one.text == whole:
                outer = _singular(bound)
                plain = outer == bound or _CONTAINER.fullmatch(outer)
                yield bound, one.name if plain else outer


def _function(facts: Facts, func: ast.expr) -> FunctionDef | None:
    match func:
        case ast.Name(id=name):
            return facts.vocabulary.functions.get(name)
        case ast.Attribute(attr=name):
            return facts.vocabulary.methods.get(name)
    return None


def _free(facts: Facts, name: str, taken: dict[str, str]) -> str:
    """``name``, or one like it, that nothing else in the notebook is called; "" for none."""
    if not name:
        return ""
    used = {
        *facts.touching,
        *facts.vocabulary.aliases,
        *(p for item in facts.vocabulary.functions.values() for p in parameters(item.args)),
        *taken,
    }
    candidates = (name, f"train_{name}", f"last_{name}", f"last_train_{name}")
    return next((candidate for candidate in candidates if candidate not in used), "")


def _as_name(text: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_").lower()
    return name if name.isidentifier() and not keyword.iskeyword(name) else ""


_AFFIX = re.compile(r"^(all|epoch|list|history|hist)_|_(all|list|history|hist|values|log|record)$")
_CONTAINER = re.compile(r"(train|training)?_?(history|hist|log|record|result|metric|stat|curve)")
_PLURALS = (("losses", "loss"), ("accuracies", "accuracy"), ("accs", "acc"), ("errors", "error"))


def _singular(name: str) -> str:
    name = _AFFIX.sub("", name.strip("_").lower())
    for plural, one in _PLURALS:
        if name.endswith(plural):
            return _as_name(name.removesuffix(plural) + one)
    return _as_name(name[:-1] if re.search(r"[^s]s$", name) else name)
