"""Make an evaluation give its numbers, where the notebook only prints them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbfed.analyse.bodies import own_nodes
from nbfed.analyse.candidates import outside_batches, reset_names, telling
from nbfed.analyse.epochs import epoch_trainers
from nbfed.analyse.facts import Facts
from nbfed.analyse.kinds import Kind
from nbfed.analyse.names import names_of
from nbfed.analyse.numbers import Found, Numbers, Surety
from nbfed.analyse.statements import Statement, edited, written
from nbfed.analyse.vocabulary import FunctionDef
from nbfed.plan.calls import Call, best_evaluation, calls_of
from nbfed.plan.completed import Completed, unchanged
from nbfed.plan.metrics import entries_of, metrics_of
from nbfed.plan.printed import Printed, printed_values, said_to_be_metrics
from nbfed.plan.returned import returned_names
from nbfed.plan.settings import Settings
from nbfed.roles import Role

# Methods of libraries that return several metrics under known names.
_NAMED_TUPLES = {"medmnist.Evaluator": ("auc", "acc")}


@dataclass(frozen=True)
class Measured:
    """Lines to put at the end of a body, and the names that then hold its numbers."""

    lines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def measured(facts: Facts, body: Sequence[ast.stmt], kinds: dict[str, Kind]) -> Measured:
    """The numbers that ``body`` computes or only prints."""
    numbers = Numbers(facts.vocabulary, kinds)
    found = numbers.judged(body)
    likely = names_of(body).likely
    unpacked = _named_tuples(facts, body)
    outside = outside_batches(body, epoch_trainers(facts.vocabulary)) - reset_names(body)
    usable = {
        name: entry
        for name, entry in found.items()
        if name in outside & likely and entry.surety >= Surety.LIKELY
    }
    said = said_to_be_metrics(body)
    names = [name for name in telling(usable, said) if name not in unpacked]
    settled = [n for n in names if n in said or not found[n].accumulated or found[n].settled]
    ratios = {
        item.name: ast.unparse(item.value)
        for item in reversed([*printed_values(body)])
        if _is_printed_metric(item, numbers, found)
        and item.name not in found
        and not (not item.is_ratio and item.names & set(settled))  # `100 * correct`
        and not any(item.name in taken for taken in settled)
    }
    if ratios:
        names = settled
    lines = [f"{', '.join(parts)} = {name}" for name, parts in unpacked.items()]
    lines.extend(f"{name} = {text}" for name, text in ratios.items())
    parts = [part for names_of_tuple in unpacked.values() for part in names_of_tuple]
    return Measured(tuple(lines), tuple(dict.fromkeys([*names, *parts, *ratios])))


def _is_printed_metric(item: Printed, numbers: Numbers, found: dict[str, Found]) -> bool:
    """Whether a printed expression is a number under a metric's name, not just a variable."""
    if isinstance(item.value, (ast.Name, ast.Constant)) or not item.name:
        return False
    return item.is_ratio or numbers.surety(item.value, found) >= Surety.LIKELY


def _named_tuples(facts: Facts, body: Sequence[ast.stmt]) -> dict[str, tuple[str, ...]]:
    """Names that hold what a library is known to return as several metrics."""
    makers: dict[str, tuple[str, ...]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for node in own_nodes(list(body)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func)):
                dotted = facts.vocabulary.dotted(func) or ""
                if dotted in _NAMED_TUPLES:
                    makers[name] = _NAMED_TUPLES[dotted]
                owner = dotted.rpartition(".")[0]
                if owner in makers and dotted.endswith(".evaluate"):
                    found[name] = makers[owner]
    return found


def returning(
    facts: Facts, statement: Statement, function: FunctionDef
) -> tuple[Statement, tuple[str, ...]] | None:
    """The function's statement with its numbers returned, and their names, if it has any.

    Only for a function that returns nothing: whoever calls it cannot notice the difference.
    """
    first = function.body[0]
    if first.lineno == function.lineno or any(
        isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom))
        for node in own_nodes(function.body)
    ):
        return None
    found = measured(facts, function.body, {})
    if not found.names:
        return None
    last = function.end_lineno or function.lineno
    lines = facts.notebook.cell(statement.cell).source.split("\n")
    indent = lines[first.lineno - 1][: first.col_offset] if first.col_offset else "    "
    if statement.indent:
        return None
    added = [*found.lines, f"return {', '.join(found.names)}  # nbfed: what it prints"]
    text = "\n".join(
        [statement.edits.get(last, lines[last - 1]), *(f"{indent}{line}" for line in added)]
    )
    return edited(statement, {last: text}, facts.notebook), found.names


def evaluation_results(facts: Facts, settings: Settings) -> Completed:
    """Bind what the evaluate regions compute only to print, or compute in a bare call."""
    own = facts.of_role(Role.EVALUATE)
    if not own or any("metrics" in item.options for item in own):
        return unchanged(facts)
    current = metrics_of(facts, Role.EVALUATE)
    if current.mapping:
        return unchanged(facts)
    framework = _framework_call(facts, own)
    if framework is not None:
        return framework
    body = [node for item in own if not item.is_definition for node in item.nodes]
    bound = {name for item in own for name in item.names.bound}
    found = measured(facts, body, {})
    lines = [line for line in found.lines if line.partition(" = ")[0] not in bound]
    lines.extend(_taken_out(facts, own, bound) if not current.names else ())
    if lines:
        new = [written(line, own[-1], Role.EVALUATE) for line in lines]
        at = own[-1].order + 1
        return Completed((*facts.statements[:at], *new, *facts.statements[at:]))
    if current.unsure and len(current.names) == 1:
        (name,) = current.names
        text = f"metrics = {name} if isinstance({name}, dict) else {{{name!r}: {name}}}"
        new = [written(text, own[-1], Role.EVALUATE)]
        return Completed(
            (*facts.statements[: own[-1].order + 1], *new, *facts.statements[own[-1].order + 1 :])
        )
    if current.names:
        return unchanged(facts)
    bound_call = _bound_call(facts, own)
    return bound_call if bound_call.statements is not facts.statements else _shown(facts, own)


# Methods of metric objects that give what they have gathered.
_GATHERED = frozenset({"compute", "aggregate", "result", "results", "get_metric", "score"})


def _shown(facts: Facts, own: Sequence[Statement]) -> Completed:
    """`metric.compute()` as a cell's last line: what the notebook shows is the result."""
    item = own[-1]
    match item.nodes:
        case (ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method)) as call),):
            if method not in _GATHERED or item.text:
                return unchanged(facts)
            name = ast.unparse(owner) if isinstance(owner, ast.Name) else "metric"
            lines = (
                f"shown = {ast.unparse(call)}",
                f"metrics = shown if isinstance(shown, dict) else {{{name!r}: shown}}",
            )
            new = [written(line, item, Role.EVALUATE) for line in lines]
            return Completed(
                (*facts.statements[: item.order], *new, *facts.statements[item.order + 1 :])
            )
    return unchanged(facts)


def _framework_call(facts: Facts, own: Sequence[Statement]) -> Completed | None:
    """`trainer.test(...)` of Lightning gives a list of one dictionary of metrics."""
    for item in own:
        for call in ast.walk(item.node) if isinstance(item.node, (ast.Expr, ast.Assign)) else ():
            match call:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Name(id=name), attr="test" | "validate" | "evaluate" as method
                    )
                ):
                    made = facts.before(name, item.order)
                    if made and facts.fact(made).kinds.get(name) is Kind.TRAINER:
                        statements = list(facts.statements)
                        if method == "evaluate":  # of the transformers library: a dictionary
                            text = f"metrics = dict({ast.unparse(call)})"
                        else:
                            asked = _of_the_round(facts, item, call)
                            text = f"metrics = dict({ast.unparse(asked)}[0])"
                        statements[item.order] = written(text, item, Role.EVALUATE)
                        return Completed(tuple(statements))
    return None


def _of_the_round(facts: Facts, item: Statement, call: ast.Call) -> ast.Call:
    """The call on the round's model, not on a checkpoint or on what the trainer remembers."""
    names = [part.id for part in ast.walk(call) if isinstance(part, ast.Name)]
    befores = {name: facts.before(name, item.order) for name in names}
    given = any(b and facts.fact(b).kinds.get(n) is Kind.MODULE for n, b in befores.items())
    keywords = [k for k in call.keywords if k.arg != "ckpt_path"]
    models = facts.holding(Kind.MODULE, item.order)
    if not given and models:
        keywords.insert(0, ast.keyword("model", ast.Name(models[-1])))
    return ast.Call(call.func, call.args, keywords)


def _taken_out(facts: Facts, own: Sequence[Statement], bound: set[str]) -> Iterator[str]:
    """The numbers of a dictionary that holds other things besides."""
    for item in reversed(own):
        for node in item.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    entries = entries_of(facts, value)
                    for key, surety in entries.items():
                        if surety and key.isidentifier() and key not in bound:
                            yield f"{key} = {name}[{key!r}]"
                    if entries:
                        return


def _bound_call(facts: Facts, own: Sequence[Statement]) -> Completed:
    """Bind the result of a call that stands alone, or inside a print."""
    calls: list[tuple[Call, FunctionDef]] = []
    for name in {name for item in own for name in item.names.reads}:
        function = facts.vocabulary.functions.get(name)
        if function is not None:
            calls.extend(
                (call, function)
                for call in calls_of(facts, name, (Role.EVALUATE,))
                if isinstance(call.statement.node, ast.Expr)
            )
    if not calls:
        return unchanged(facts)
    chosen = best_evaluation([call for call, _ in calls])
    function = next(function for call, function in calls if call is chosen)
    statements = list(facts.statements)
    names = returned_names(function)
    if not names:
        definition = _definition(facts, function, chosen.statement.order)
        changed = returning(facts, definition, function) if definition else None
        if changed is None or definition is None:
            return unchanged(facts)
        statements[definition.order], names = changed
    text = f"{', '.join(names)} = {ast.unparse(chosen.call)}"
    statements[chosen.statement.order] = written(text, chosen.statement, Role.EVALUATE)
    return Completed(tuple(statements))


def _definition(facts: Facts, function: FunctionDef, before: int) -> Statement | None:
    found = facts.before(function.name, before)
    return found if found is not None and function in found.nodes else None
