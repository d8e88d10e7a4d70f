"""Random splits that every round would draw anew, and test sets drawn without a seed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.plan.slice import Slice
from nbfed.roles import Role

_SPLITS = re.compile(
    r"(.*\.)?(random_split|train_test_split|KFold|StratifiedKFold|ShuffleSplit|"
    r"StratifiedShuffleSplit|GroupShuffleSplit)"
)
_SAMPLES = re.compile(r"(.*\.)?(sample|choice|choices|RandomUnderSampler|resample)")
_TEST = re.compile(r"(^|_|\b)(test|tst|val|valid|holdout)", re.I)
_SEEDED = frozenset({"random_state", "generator", "seed"})
_EVERY_ROUND = frozenset({"setup", "prepare_data", "train_dataloader", "val_dataloader"})


def drawn_anew(facts: Facts, slices: Mapping[Role, Slice]) -> Iterator[Diagnostic]:
    """Splits in code that runs in every round: its test rows are trained on in the next."""
    told: set[int] = set()
    for role, found in slices.items():
        for statement in found.ordered:
            for node in _in_every_round(statement, role):
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and id(call) not in told:
                        dotted = facts.vocabulary.dotted(call.func) or ""
                        if _SPLITS.fullmatch(dotted) and not _seeded(call):
                            told.add(id(call))
                            yield _leak(facts, statement, call, dotted)


def _in_every_round(statement: Statement, role: Role) -> Iterator[ast.AST]:
    if role in (Role.TRAIN, Role.EVALUATE):
        yield from statement.nodes
        return
    # A trainer calls these methods of a data module again in every round.
    for node in statement.nodes:
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and part.name in _EVERY_ROUND:
                yield part


def _leak(facts: Facts, statement: Statement, call: ast.Call, dotted: str) -> Diagnostic:
    name = dotted.rpartition(".")[2]
    seed = "generator=torch.Generator().manual_seed(0)" if name == "random_split" else ""
    return note(
        facts,
        "NBF310",
        statement,
        f"`{name}` splits anew in every round, so that later rounds train on rows of the test set",
        f"split where the data are loaded, once; or with a seed: `{seed or 'random_state=0'}`",
        call,
    )


def drawn_tests(facts: Facts, data: Slice) -> Iterator[Diagnostic]:
    """A part of the test set that is drawn without a seed."""
    for statement in data.ordered:
        for node in statement.nodes:
            for part in ast.walk(node):
                if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
                    call = part.value
                    dotted = facts.vocabulary.dotted(call.func) or ""
                    held_out = any(_TEST.search(ast.unparse(target)) for target in part.targets)
                    if held_out and _SAMPLES.fullmatch(dotted) and not _seeded(call):
                        yield note(
                            facts,
                            "NBF327",
                            statement,
                            "rows of the test set are drawn at random, without a seed of their own",
                            "use all of them, or add `random_state=0`",
                            call,
                        )


def _seeded(call: ast.Call) -> bool:
    return any(keyword.arg in _SEEDED for keyword in call.keywords)
