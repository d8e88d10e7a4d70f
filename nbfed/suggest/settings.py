"""Where a notebook keeps its settings."""

from __future__ import annotations

import ast
import re
from itertools import groupby

from nbfed.roles import Role
from nbfed.suggest.code import Code, Statement, constructor, last_part, some
from nbfed.suggest.suggestion import Confidence, Suggestion

_TRAINING_NAMES = re.compile(
    r"(?:n_?|num_?|max_?)?(?:epochs?|batch_?size|bs|lr|learning_?rate|weight_?decay|momentum|dropout"
    r"|hidden\w*|seed|workers|classes|image_?size|img_?size|test_?size|val_?\w+)\w*",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:[\w.~-]+|\$\w+)?(?:/[\w .~-]+)+/?|[A-Za-z]:\\.+|(?:https?|s3|gs)://.+"
    r"|\w[\w -]*\.(?:csv|npz|npy|h5|zip|parquet|tsv|pkl|json|nii(?:\.gz)?)"
)


def find_settings(code: Code) -> list[Suggestion]:
    """Cells of literals: parameters of the training, and what differs from site to site."""
    found: list[Suggestion] = []
    for _, group in groupby(code.statements, key=lambda each: each.place):
        inside = list(group)
        literals = [each for each in inside if literal(each) is not None]
        paths = [each for each in literals if is_path(each)]
        named = [
            name
            for each in literals
            for name in each.binds
            if each not in paths and _TRAINING_NAMES.fullmatch(name)
        ]
        if not named and not paths:
            continue
        whole = len(literals) == len(inside) and not (named and paths)
        if named:
            reason = f"sets {some(named)}"
            first = next(each for each in literals if each not in paths)
            how = Confidence.CERTAIN if whole else Confidence.UNCERTAIN
            found.append(Suggestion(first, Role.PARAMS, how, reason, whole))
        if paths:
            names = [name for each in paths for name in each.binds]
            how = Confidence.LIKELY if whole else Confidence.UNCERTAIN
            reason = f"{some(names)} will differ from site to site"
            found.append(Suggestion(paths[0], Role.SITE, how, reason, whole))
    return found


def literal(each: Statement) -> object:
    """The value of ``NAME = literal``, () for None; None for any other statement."""
    node = each.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    value = node.value
    if isinstance(value, ast.Call) and last_part(constructor(value)) == "Path" and value.args:
        value = value.args[0]
    try:
        found = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if not all(isinstance(target, ast.Name) for target in targets):
        return None
    return () if found is None else found


def is_path(each: Statement) -> bool:
    """Whether it gives a name a text that looks like a path or an address."""
    value = literal(each)
    return isinstance(value, str) and bool(_PATH.fullmatch(value))
