"""Numbers that a notebook computes only to print them: their expressions, and names for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PLACEHOLDER = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]|\{[^{}]*\}")
# What a label or a variable says, and the metric's name.
_WORDS = (
    (re.compile(r"balanced", re.I), "balanced_accuracy"),
    (re.compile(r"correct|(?<![a-z])acc|accuracy|hits|right", re.I), "accuracy"),
    (re.compile(r"loss", re.I), "loss"),
    (re.compile(r"dice", re.I), "dice"),
    (re.compile(r"iou|jaccard", re.I), "iou"),
    (re.compile(r"auc|auroc|roc", re.I), "auc"),
    (re.compile(r"(?<![a-z])f1|f-?score", re.I), "f1"),
    (re.compile(r"precision", re.I), "precision"),
    (re.compile(r"recall|sensitivity", re.I), "recall"),
    (re.compile(r"specificity", re.I), "specificity"),
    (re.compile(r"rmse", re.I), "rmse"),
    (re.compile(r"(?<![a-z])mse", re.I), "mse"),
    (re.compile(r"(?<![a-z])mae", re.I), "mae"),
    (re.compile(r"psnr", re.I), "psnr"),
    (re.compile(r"ssim", re.I), "ssim"),
    (re.compile(r"kappa", re.I), "kappa"),
    (re.compile(r"perplexity", re.I), "perplexity"),
    (re.compile(r"err", re.I), "error"),
)


@dataclass(frozen=True)
class Printed:
    """A printed expression and the text in front of it."""

    value: ast.expr
    label: str

    @property
    def names(self) -> frozenset[str]:
        """The names in the expression."""
        return frozenset(p.id for p in ast.walk(self.value) if isinstance(p, ast.Name))

    @property
    def name(self) -> str:
        """A metric's name for it, "" if neither label nor variables say one."""
        words = " ".join(sorted(self.names))
        called = " ".join(
            part.attr for part in ast.walk(self.value) if isinstance(part, ast.Attribute)
        )
        for text in (self.label, words, called):
            for pattern, name in _WORDS:
                if pattern.search(text):
                    return name
        return ""

    @property
    def is_ratio(self) -> bool:
        """Whether it is a quotient, perhaps scaled."""
        return _is_ratio(self.value)


def printed_values(body: Sequence[ast.stmt]) -> Iterator[Printed]:
    """What ``body`` prints outside of its loops and branches."""
    for node in body:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id="print")) as call):
                yield from _shown(call.args)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="info")) as call):
                yield from _shown(call.args)
            case ast.With() | ast.AsyncWith():
                yield from printed_values(node.body)


def said_to_be_metrics(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that are printed behind a metric's name: what the author takes for a result."""
    shown = list(printed_values(body))
    ratios = {item.name for item in shown if item.is_ratio}
    return frozenset(
        item.value.id
        for item in shown
        if isinstance(item.value, ast.Name)
        and item.name not in ratios  # `correct` in "Accuracy: 7/9 (78 %)" is but a part of it
        and any(pattern.search(item.label) for pattern, _ in _WORDS)
    )


def _shown(arguments: Sequence[ast.expr]) -> Iterator[Printed]:
    label = ""
    for node in arguments:
        if isinstance(node, ast.Constant):
            label = str(node.value)
            continue
        yield from _values_in(node, label)
        label = ""


def _values_in(node: ast.expr, label: str) -> Iterator[Printed]:
    match node:
        case ast.JoinedStr():
            text = label
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from _values_in(part.value, text)
                    text = ""
                elif isinstance(part, ast.Constant):
                    text = str(part.value)
        case ast.BinOp(left=ast.Constant(value=str() as text), op=ast.Mod(), right=right):
            given = right.elts if isinstance(right, ast.Tuple) else [right]
            yield from _filled(text, given)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _is_text(left):
            yield from _values_in(right, ast.unparse(left))
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as text), attr="format")):
            yield from _filled(text, node.args)
        case ast.Call(func=ast.Name(id="str" | "round"), args=[value, *_]):
            yield from _values_in(value, label)
        case _:
            yield Printed(node, label)


def _filled(text: str, given: Sequence[ast.expr]) -> Iterator[Printed]:
    labels = _PLACEHOLDER.split(text.replace("%%", ""))
    for place, value in enumerate(given):
        yield Printed(value, labels[place] if place < len(labels) else "")


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add()):
            return _is_text(left)
        case _:
            return False


def _is_ratio(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(op=ast.Div() | ast.FloorDiv()):
            return True
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            return _is_ratio(left) or _is_ratio(right)
        case ast.Call(func=ast.Attribute(value=value, attr="item")):
            return _is_ratio(value)
        case ast.Call(func=ast.Name(id="float"), args=[value]):
            return _is_ratio(value)
        case _:
            return False
