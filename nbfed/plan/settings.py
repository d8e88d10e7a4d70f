"""The values that people set: params regions and site regions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, source_lines
from nbfed.analyse.text import segment
from nbfed.diagnostics import Diagnostic
from nbfed.plan.notes import note
from nbfed.program import Parameter, SiteKey
from nbfed.roles import Role

# Calls that only give their one argument another type: the site's key holds the argument.
_WRAPPERS = re.compile(
    r"(pathlib\.)?(Path|PurePath|PosixPath)|torch\.device|"
    r"os\.path\.(expanduser|abspath|normpath|realpath|join)"
)
_ENVIRONMENT = ("os.environ.get", "os.getenv")
_LONGEST_COMMENT = 60


@dataclass(frozen=True)
class Settings:
    """Parameters and site keys, by name, and the statements that bind each.

    ``wrappers`` holds, for a site key, the expression that makes the notebook's value from the
    key's, such as ``Path(DATA)``.
    """

    params: tuple[Parameter, ...] = ()
    site: tuple[SiteKey, ...] = ()
    bound_by: Mapping[tuple[int, str], Role] = field(default_factory=dict)
    wrappers: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, object] = field(default_factory=dict)
    asks_sites: bool = True


def read_settings(
    facts: Facts, given: Mapping[str, object] | None = None
) -> tuple[Settings, list[Diagnostic]]:
    """Read all params and site regions.

    ``given`` has the values of federation.yaml: a parameter that the notebook computes from its
    data has its value from there alone.
    """
    given = given or {}
    params: dict[str, Parameter] = {}
    site: dict[str, SiteKey] = {}
    bound_by: dict[tuple[int, str], Role] = {}
    wrappers: dict[str, str] = {}
    problems: list[Diagnostic] = []
    for statement in facts.of_role(Role.PARAMS):
        for name, value, annotation in _assignments(statement):
            if not is_literal(value):
                if is_derived(facts, statement):
                    continue
                if name not in given:
                    problems.append(_no_value(facts, statement, name, value))
                params[name] = _computed(statement, name, value, given.get(name))
            else:
                params[name] = _parameter(facts, statement, name, value, annotation)
            bound_by[statement.order, name] = Role.PARAMS
    for statement, name in _settled(facts, given):
        params.setdefault(name, _computed(statement, name, None, given[name]))
        bound_by[statement.order, name] = Role.PARAMS
    for statement in facts.of_role(Role.SITE):
        for name, value, annotation in _assignments(statement):
            if _is_derived(value, facts, set(site)):
                continue
            key, wrapper = _site_key(facts, statement, name, value, annotation)
            site[name] = key
            bound_by[statement.order, name] = Role.SITE
            if wrapper:
                wrappers[name] = wrapper
    settings = Settings(tuple(params.values()), tuple(site.values()), bound_by, wrappers, given)
    return settings, problems


def is_derived(facts: Facts, statement: Statement) -> bool:
    """Whether a value is made from constants and parameters alone, and so needs no other."""
    fact = facts.fact(statement)
    return fact.harmless and not fact.origins & {Role.DATA, Role.SITE, Role.MODEL}


def _settled(facts: Facts, given: Mapping[str, object]) -> Iterator[tuple[Statement, str]]:
    """Statements that compute from the data what federation.yaml gives."""
    for name in given:
        for order in facts.touching.get(name, ()):
            statement = facts.statements[order]
            origins = facts.fact(statement).origins
            if (
                statement.role not in (Role.PARAMS, Role.SITE)
                and origins & {Role.DATA, Role.SITE}
                and name in statement.names.binds
                and not statement.is_definition
            ):
                yield statement, name


def _assignments(
    statement: Statement,
) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    """Name, value and annotation of each assignment, tuples taken apart."""
    for node in statement.nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from ((name, part, None) for name, part in _pairs(target, value))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value, node.annotation


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        if len(parts) == len(target.elts):
            for inner, part in zip(target.elts, parts, strict=True):
                yield from _pairs(inner, part)
        else:
            for inner in target.elts:
                yield from _pairs(inner, value)


def is_literal(node: ast.expr) -> bool:
    """Whether ``ast.literal_eval`` can read it, arithmetic of numbers included."""
    match node:
        case ast.Constant():
            return True
        case ast.List() | ast.Tuple() | ast.Set():
            return all(is_literal(element) for element in node.elts)
        case ast.Dict():
            parts = [*node.keys, *node.values]
            return all(part is not None and is_literal(part) for part in parts)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            return is_literal(node.operand)
        case ast.BinOp():
            return all(
                is_literal(part) and isinstance(part, (ast.Constant, ast.BinOp, ast.UnaryOp))
                for part in (node.left, node.right)
            )
        case _:
            return False


def _no_value(facts: Facts, statement: Statement, name: str, value: ast.expr) -> Diagnostic:
    return note(
        facts,
        "NBF302",
        statement,
        f"`{name}` is not a literal, so its value has to be in federation.yaml, and it is not",
        f"add to federation.yaml: `params: {{{name}: 6}}`, with your value; or move the statement "
        "to a cell of its own: `# nbfed: site` if it differs per site, `# nbfed: include` if it "
        "is no plain value and copied",
        value,
    )


def _computed(statement: Statement, name: str, value: ast.expr | None, given: object) -> Parameter:
    """A parameter whose value federation.yaml gives: the notebook computes it from its data."""
    default = repr(given)
    comment = f"in the notebook: {' '.join(ast.unparse(value).split())}" if value else ""
    return Parameter(
        name,
        _type_of(ast.parse(default, mode="eval").body),
        default,
        statement.cell,
        statement.line,
        comment if len(comment) <= _LONGEST_COMMENT else "",
    )


def _parameter(
    facts: Facts, statement: Statement, name: str, value: ast.expr, annotation: ast.expr | None
) -> Parameter:
    lines = source_lines(facts.notebook, statement)
    default = " ".join(part.strip() for part in segment(lines, value).split("\n"))
    if isinstance(value, (ast.Dict, ast.List, ast.Tuple, ast.Set)) and "#" in default:
        default = ast.unparse(value)
    return Parameter(
        name,
        _annotation(value, annotation),
        default,
        statement.cell,
        statement.line if statement.text else value.lineno,
        _trailing_comment(lines, value),
    )


def _trailing_comment(lines: list[str], value: ast.expr) -> str:
    line = lines[(value.end_lineno or value.lineno) - 1]
    rest = line.encode()[value.end_col_offset or 0 :].decode(errors="ignore").strip().rstrip(";")
    return rest.lstrip("#").strip() if rest.startswith("#") else ""


_SIMPLE_ANNOTATION = re.compile(r"(int|float|str|bool|list|dict|tuple|Any)(\[[\w\[\], |.]*\])?")


def _annotation(value: ast.expr, annotation: ast.expr | None) -> str:
    if annotation is not None:
        written = ast.unparse(annotation)
        if _SIMPLE_ANNOTATION.fullmatch(written):
            return written
    return _type_of(value)


def _type_of(value: ast.expr) -> str:
    match value:
        case ast.Constant(value=None):
            return "Any"
        case ast.Constant():
            return type(value.value).__name__ if value.value is not ... else "Any"
        case ast.List() | ast.Tuple() | ast.Set():
            inner = {_type_of(element) for element in value.elts}
            if inner == {"int", "float"}:
                inner = {"float"}
            of = inner.pop() if len(inner) == 1 else "Any"
            match value:
                case ast.List():
                    return f"list[{of}]"
                case ast.Tuple():
                    return f"tuple[{of}, ...]"
                case _:
                    return f"set[{of}]"
        case ast.Dict():
            return "dict[str, Any]" if _text_keys(value) else "dict[Any, Any]"
        case _:
            try:
                computed = ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                return _computed_type(value)
            return type(computed).__name__


def _text_keys(value: ast.Dict) -> bool:
    return all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in value.keys)


def _computed_type(value: ast.expr) -> str:
    """Arithmetic of numbers: a float if anything in it makes it one."""
    for part in ast.walk(value):
        if isinstance(part, ast.Div) or (
            isinstance(part, ast.Constant) and isinstance(part.value, float)
        ):
            return "float"
    return "int" if isinstance(value, (ast.BinOp, ast.UnaryOp)) else "Any"


def _is_derived(value: ast.expr, facts: Facts, keys: set[str]) -> bool:
    """Whether the value is made from other site keys, by an expression that is harmless."""
    names = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
    return bool(names & keys) and facts.purity.expression(value)


def _site_key(
    facts: Facts, statement: Statement, name: str, value: ast.expr, annotation: ast.expr | None
) -> tuple[SiteKey, str]:
    lines = facts.notebook.cell(statement.cell).source.split("\n")
    comment = _trailing_comment(lines, value)
    kind, wrapper = _site_type(facts, name, value, lines)
    if annotation is not None and not wrapper:
        kind = _annotation(value, annotation)
    return SiteKey(name, kind, statement.cell, value.lineno, comment), wrapper


def _site_type(facts: Facts, name: str, value: ast.expr, lines: list[str]) -> tuple[str, str]:
    if is_literal(value):
        return _type_of(value), ""
    if isinstance(value, ast.Call):
        dotted = facts.vocabulary.dotted(value.func) or ""
        if dotted in _ENVIRONMENT:
            return "str", ""
        if _WRAPPERS.fullmatch(dotted) and value.args and not value.keywords:
            if dotted.startswith("os."):
                return "str", ""
            return "str", f"{segment(lines, value.func)}({name})"
    if isinstance(value, (ast.JoinedStr,)):
        return "str", ""
    if isinstance(value, ast.IfExp):
        kinds = {_type_of(part) for part in (value.body, value.orelse)}
        return (kinds.pop() if len(kinds) == 1 else "Any"), ""
    return "Any", ""
