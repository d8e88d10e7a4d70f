"""What is said about a program that compiles: surprises, and what would hurt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.plan.notes import note
from nbfed.plan.slice import Slice
from nbfed.roles import Role


def fresh_tools(facts: Facts, train: Slice, kept: Sequence[str]) -> Iterator[Diagnostic]:
    """Optimizers and schedulers that every round makes anew, but for the ``kept`` ones."""
    for statement in train.ordered:
        kinds = facts.fact(statement).kinds
        for name in sorted(statement.names.bound - set(kept)):
            kind = kinds.get(name)
            if kind in (Kind.OPTIMIZER, Kind.SCHEDULER) and statement.role is not Role.TRAIN:
                yield note(
                    facts,
                    "NBF208",
                    statement,
                    f"`{name}` is made afresh at the start of every round's training",
                )


_LIGHTNING = re.compile(r"(pytorch_lightning|lightning(\.pytorch)?)\.Trainer")


def writing_trainers(facts: Facts, train: Slice) -> Iterator[Diagnostic]:
    """A framework's trainer that writes logs and checkpoints in every round."""
    for statement in train.ordered:
        if Kind.TRAINER not in facts.fact(statement).kinds.values():
            continue
        for node in statement.nodes:
            for part in ast.walk(node):
                if not isinstance(part, ast.Call):
                    continue
                dotted = facts.vocabulary.dotted(part.func) or ""
                if _LIGHTNING.fullmatch(dotted) and not _writes_nothing(part):
                    yield note(
                        facts,
                        "NBF326",
                        statement,
                        "this trainer writes a log and a checkpoint in every round, into the "
                        "site's working folder",
                        "add `logger=False, enable_checkpointing=False`, unless they are wanted",
                        part,
                    )


def _writes_nothing(call: ast.Call) -> bool:
    off = {
        keyword.arg
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Constant) and keyword.value.value is False
    }
    return {"logger", "enable_checkpointing"} <= off


def evaluation(facts: Facts, evaluate: Slice | None, file: str) -> Iterator[Diagnostic]:
    """No evaluation, or one that leaves the model in training mode."""
    if evaluate is None:
        yield diagnostic(
            "NBF313",
            Location(file),
            "no region has the role `evaluate`; only training's metrics are reported",
            "mark the code that computes the test metrics: `# nbfed: evaluate`",
        )
        return
    parts = (
        part
        for statement in evaluate.ordered
        for node in statement.nodes
        for part in ast.walk(node)
    )
    if not any(map(_leaves_training_mode, parts)):
        own = facts.of_role(Role.EVALUATE)
        model = next(iter(evaluate.models), "model")
        yield note(
            facts,
            "NBF311",
            own[0],
            "the evaluation does not call `eval()` on the model",
            f"put `{model}.eval()` before it",
        )


def _leaves_training_mode(node: ast.AST) -> bool:
    """``model.eval()``, ``model.train(False)``, or a framework's call that does it."""
    match node:
        case ast.Attribute(attr="eval" | "test" | "validate" | "predict" | "evaluate"):
            return True
        case ast.Call(func=ast.Attribute(attr="train"), args=[mode]):
            # `net.train(optimizer is not None)`: one function for both.
            return not (isinstance(mode, ast.Constant) and mode.value is True)
        case ast.Call(func=ast.Attribute(attr="train"), keywords=[ast.keyword(arg="mode")]):
            return True
        case _:
            return False


def leaks(facts: Facts, data: Slice, examples: str) -> Iterator[Diagnostic]:
    """What is fitted before the data are split, and training on the test set."""
    fitted: tuple[Statement, ast.Call] | None = None
    for statement in data.ordered:
        for node in statement.nodes:
            for part in ast.walk(node):
                if not isinstance(part, ast.Call):
                    continue
                dotted = facts.vocabulary.dotted(part.func) or ""
                if isinstance(part.func, ast.Attribute) and part.func.attr in (
                    "fit",
                    "fit_transform",
                ):
                    shown = ast.unparse(part.args[0]) if part.args else ""
                    if "train" not in shown.lower() and fitted is None:
                        fitted = statement, part
                if re.search(r"(train_test_split|random_split|ShuffleSplit)$", dotted) and fitted:
                    yield note(
                        facts,
                        "NBF310",
                        fitted[0],
                        "this is fitted before the data are split, so it has seen the test rows",
                        "split first, then fit on the training part alone",
                        fitted[1],
                    )
                    return
    if re.search(r"test", examples, re.I) and not re.search("train", examples, re.I):
        yield diagnostic(
            "NBF310",
            Location(facts.notebook.file),
            f"training runs over `{examples}`, which seems to be the test set",
            "train on the training set",
        )


def competing(facts: Facts, slices: list[Slice]) -> Iterator[Diagnostic]:
    """A function's global that several cells define: which one counts."""
    told: set[str] = set()
    for found in slices:
        for statement in found.ordered:
            for name, node in statement.names.deferred.items():
                if name in told or name in found.arguments:
                    continue
                cells = _defining_cells(facts, found, name)
                if len(cells) > 1:
                    told.add(name)
                    listed = ", ".join(str(cell) for cell in cells)
                    yield note(
                        facts,
                        "NBF205",
                        statement,
                        f"`{name}` is defined in cells {listed}; cell {cells[-1]} counts here",
                        "give the others another name if that is not meant",
                        node,
                    )


def _defining_cells(facts: Facts, found: Slice, name: str) -> list[int]:
    cells = []
    for order in facts.touching.get(name, ()):
        statement = facts.statements[order]
        if order >= found.end or name not in statement.names.binds or statement.is_import:
            continue
        if name not in statement.names.reads:
            cells.append(statement.cell)
    return list(dict.fromkeys(cells))


def adopted(facts: Facts, slices: list[Slice]) -> Iterator[Diagnostic]:
    """Unmarked statements that became part of loading the data."""
    for found in slices:
        for statement in found.adopted.values():
            yield note(
                facts,
                "NBF316",
                statement,
                "this statement works on the site's data, so it is compiled as part of `data`",
            )
