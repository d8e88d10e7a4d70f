"""How surely an expression is one number: what a metric has to be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.kinds import Kind, kind_of_call
from nbfed.analyse.vocabulary import FunctionDef, Vocabulary


class Surety(IntEnum):
    """How surely something is a number that says something about a model."""

    NO = 0
    UNKNOWN = 1
    LIKELY = 2
    SURE = 3


_NUMBER_METHODS = frozenset({"item", "__float__"})
_REDUCTIONS = frozenset({"mean", "sum", "max", "min", "std", "var", "median", "norm", "prod"})
_AGGREGATES = frozenset({"compute", "aggregate", "score", "avg", "average", "result", "get_metric"})
_NOT_NUMBERS = re.compile(
    r"(.*\.)?(confusion_matrix|classification_report|roc_curve|precision_recall_curve|DataFrame|"
    r"Series|array|asarray|cat|stack|concatenate|vstack|hstack|argmax|softmax|sigmoid|zeros|ones|"
    r"deepcopy|state_dict|subplots|figure|make_grid|predict|predict_proba|decollate_batch|"
    r"unique|where|topk|load|open|zeros_like|ones_like|tolist|numpy|cpu|keys|values|items|"
    r"Counter|defaultdict|SummaryWriter|time|perf_counter|now|AverageMeter|tqdm|iter|next)"
)
_SCORES = re.compile(
    r"(.*[._])?(accuracy|acc|f1|auc|dice|iou|jaccard|precision|recall|sensitivity|specificity|"
    r"score|mse|mae|rmse|psnr|ssim|error|kappa|mcc|perplexity)(_\w+)?",
    re.I,
)
_ALWAYS = frozenset({"float", "int", "round", "abs", "pow"})
_OF_MANY = frozenset({"sum", "max", "min"})
_COUNTS = frozenset({"len"})


@dataclass
class Found:
    """What is known of one name: every value that is assigned to it, and how it is built up."""

    surety: Surety = Surety.UNKNOWN
    values: list[Surety] = field(default_factory=list)
    counted: bool = False
    accumulated: bool = False
    settled: bool = False
    literal: bool = True
    steps: bool = False


@dataclass
class Numbers:
    """Judges names and expressions of one notebook."""

    vocabulary: Vocabulary
    kinds: Mapping[str, Kind]

    def judged(self, body: Sequence[ast.stmt]) -> dict[str, Found]:
        """Every name that ``body`` assigns, in the order of first assignment."""
        found: dict[str, Found] = {}
        for node in own_nodes(list(body)):
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._assign(target, value, found)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assign(target, value, found)
                case ast.AugAssign(target=ast.Name(id=name)):
                    entry = found.setdefault(name, Found())
                    entry.literal = False
                    if isinstance(node.op, (ast.Div, ast.FloorDiv)):
                        entry.settled = True
                    else:
                        entry.accumulated = True
                        entry.steps = isinstance(node.value, ast.Constant)
                    entry.values.append(self.surety(node.value, found) or Surety.UNKNOWN)
                    self._settle(entry)
                case ast.For(target=target) | ast.AsyncFor(target=target):
                    for part in ast.walk(target):
                        if isinstance(part, ast.Name):
                            found.setdefault(part.id, Found()).values.append(Surety.UNKNOWN)
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend")
                ):
                    found.setdefault(name, Found()).values.append(Surety.NO)
                    self._settle(found[name])
        return found

    def _assign(self, target: ast.expr, value: ast.expr, found: dict[str, Found]) -> None:
        if isinstance(target, ast.Name):
            entry = found.setdefault(target.id, Found())
            entry.counted = self._is_count(value)
            entry.literal &= isinstance(value, (ast.Constant, ast.UnaryOp))
            if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
                entry.accumulated |= any(
                    isinstance(side, ast.Name) and side.id == target.id
                    for side in (value.left, value.right)
                )
            elif entry.values and not isinstance(value, ast.Constant):
                entry.settled = True
            entry.values.append(self.surety(value, found))
            self._settle(entry)
        elif isinstance(target, (ast.Tuple, ast.List)):
            literal = isinstance(value, ast.Tuple) and all(
                isinstance(part, ast.Constant) for part in value.elts
            )
            for element, surety in self._elements(target.elts, value, found):
                if isinstance(element, ast.Name):
                    entry = found.setdefault(element.id, Found())
                    entry.literal &= literal
                    entry.values.append(surety)
                    self._settle(entry)

    @staticmethod
    def _settle(entry: Found) -> None:
        entry.surety = min(entry.values, default=Surety.UNKNOWN)

    def _elements(
        self, targets: Sequence[ast.expr], value: ast.expr, found: dict[str, Found]
    ) -> Iterator[tuple[ast.expr, Surety]]:
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(targets):
            for target, part in zip(targets, value.elts, strict=True):
                yield target, self.surety(part, found)
            return
        sureties = self._returned(value)
        if len(sureties) != len(targets):
            sureties = (Surety.NO if self._calls_model(value) else Surety.UNKNOWN,) * len(targets)
        yield from zip(targets, sureties, strict=True)

    def _returned(self, value: ast.expr) -> tuple[Surety, ...]:
        match value:
            case ast.Call(func=ast.Name(id=name)) if name in self.vocabulary.functions:
                return returned_sureties(self.vocabulary, self.vocabulary.functions[name])
            case ast.Call(func=ast.Attribute(attr=name)) if name in self.vocabulary.methods:
                return returned_sureties(self.vocabulary, self.vocabulary.methods[name])
        return ()

    def _calls_model(self, value: ast.expr) -> bool:
        match value:
            case ast.Call(func=ast.Name(id=name)):
                return self.kinds.get(name) is Kind.MODULE
        return False

    def _is_count(self, value: ast.expr) -> bool:
        return isinstance(value, ast.Call) and (
            (isinstance(value.func, ast.Name) and value.func.id in _COUNTS)
            or (isinstance(value.func, ast.Attribute) and value.func.attr in ("size", "numel"))
        )

    def surety(self, node: ast.expr, found: Mapping[str, Found]) -> Surety:
        """How surely ``node`` is a number."""
        match node:
            case ast.Constant(value=bool() | None):
                return Surety.NO
            case ast.Constant(value=int() | float()):
                return Surety.SURE
            case ast.Constant() | ast.JoinedStr():
                return Surety.NO
            case ast.Name(id=name):
                if name in found:
                    return found[name].surety
                return Surety.NO if name in self.kinds and self._no_number(name) else Surety.UNKNOWN
            case ast.BinOp(left=left, right=right, op=op):
                return self._operation(left, right, op, found)
            case ast.UnaryOp():
                return self.surety(node.operand, found)
            case ast.IfExp():
                return min(self.surety(node.body, found), self.surety(node.orelse, found))
            case ast.Call():
                return self._call(node, found)
            case ast.NamedExpr() | ast.Await():
                return self.surety(node.value, found)
            case ast.Attribute(attr="avg" | "average" | "val_accuracy"):
                return Surety.LIKELY
            case ast.Attribute(value=value, attr="data"):
                return self.surety(value, found)
            case ast.Subscript() | ast.Attribute():
                return Surety.UNKNOWN
            case _:
                return Surety.NO

    def _no_number(self, name: str) -> bool:
        return self.kinds[name] not in (Kind.NUMBER, Kind.UNKNOWN, Kind.TENSOR, Kind.PURE)

    def _operation(
        self, left: ast.expr, right: ast.expr, op: ast.operator, found: Mapping[str, Found]
    ) -> Surety:
        sides = (self.surety(left, found), self.surety(right, found))
        if isinstance(op, ast.Div) and max(sides) > Surety.NO:
            # A ratio of two counts is what most accuracies are.
            return max(min(sides), Surety.LIKELY if min(sides) >= Surety.UNKNOWN else Surety.NO)
        if min(sides) is Surety.NO:
            return Surety.NO
        return min(sides)

    def _call(self, call: ast.Call, found: Mapping[str, Found]) -> Surety:
        func = call.func
        if isinstance(func, ast.Name):
            return self._named_call(func.id, call, found)
        if not isinstance(func, ast.Attribute):
            return Surety.UNKNOWN
        if func.attr in _NUMBER_METHODS:
            return Surety.SURE
        dotted = self.vocabulary.dotted(func)
        imported = dotted is not None and self._imported(func)
        if imported and dotted is not None:
            return self._library_call(dotted)
        if func.attr in _REDUCTIONS:
            return Surety.UNKNOWN if _has_axis(call) else Surety.LIKELY
        if func.attr in _AGGREGATES:
            return Surety.LIKELY
        if func.attr in ("to", "cpu", "detach", "float", "double", "squeeze", "numpy", "astype"):
            return self.surety(func.value, found)
        if func.attr in self.vocabulary.methods:
            returned = returned_sureties(self.vocabulary, self.vocabulary.methods[func.attr])
            return returned[0] if len(returned) == 1 else Surety.NO
        return Surety.NO if _NOT_NUMBERS.fullmatch(func.attr) else Surety.UNKNOWN

    def _named_call(self, name: str, call: ast.Call, found: Mapping[str, Found]) -> Surety:
        if name in self.vocabulary.functions:
            returned = returned_sureties(self.vocabulary, self.vocabulary.functions[name])
            return returned[0] if len(returned) == 1 else Surety.NO
        if name in _ALWAYS:
            return Surety.SURE
        if name in _OF_MANY or name in _COUNTS:
            return Surety.LIKELY
        kind = self.kinds.get(name)
        unknown = kind in (None, Kind.UNKNOWN, Kind.PURE)
        if kind is Kind.LOSS or (unknown and re.fullmatch(r"(criterion|loss_\w+)", name)):
            return Surety.LIKELY
        if kind is Kind.MODULE:
            return Surety.NO
        return self._library_call(self.vocabulary.dotted(call.func) or name)

    def _library_call(self, dotted: str) -> Surety:
        if _NOT_NUMBERS.fullmatch(dotted):
            return Surety.NO
        kind = kind_of_call(dotted)
        if kind is Kind.NUMBER:
            return Surety.SURE if not dotted.startswith("time.") else Surety.NO
        if _SCORES.fullmatch(dotted) or dotted.endswith("_loss"):
            return Surety.LIKELY
        return Surety.UNKNOWN if kind in (Kind.UNKNOWN, Kind.TENSOR, Kind.PURE) else Surety.NO

    def _imported(self, node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and self.vocabulary.is_imported(node.id)


def _has_axis(call: ast.Call) -> bool:
    return bool(call.args) or any(keyword.arg in ("dim", "axis") for keyword in call.keywords)


def returned_sureties(vocabulary: Vocabulary, function: FunctionDef) -> tuple[Surety, ...]:
    """For each value that ``function`` returns, how surely it is a number."""
    values = [
        node.value
        for node in own_nodes(function.body)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    if not values:
        return ()
    # Calls of other notebook functions are not followed: the names at hand say enough.
    shallow = Vocabulary(vocabulary.aliases)
    numbers = Numbers(shallow, {})
    found = numbers.judged(function.body)
    last = values[-1]
    parts = last.elts if isinstance(last, ast.Tuple) else [last]
    return tuple(numbers.surety(part, found) for part in parts)
