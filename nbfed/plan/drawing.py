"""Leave out of the roles' code what only draws, opens windows, tracks, or frees memory."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import is_

from nbfed.analyse.bodies import last_returned, own_nodes
from nbfed.analyse.changes import root_name
from nbfed.analyse.facts import Facts
from nbfed.analyse.statements import Statement, edited
from nbfed.diagnostics import Diagnostic
from nbfed.plan.completed import Completed
from nbfed.plan.notes import note
from nbfed.plan.settings import Settings
from nbfed.roles import Role

_ROLES = frozenset({Role.DATA, Role.MODEL, Role.TRAIN, Role.EVALUATE})
_DRAWS = re.compile(
    r"(matplotlib|seaborn|plotly|bokeh|altair|pylab|skimage\.io\.imshow|napari)(\..*)?|"
    r"cv2\.(imshow|waitKey|destroyAllWindows|namedWindow)|"
    r"IPython\.display\..*|display|clear_output|"
    r"monai\.visualize\.(plot_2d_or_3d_image|matshow3d)|"
    r"(torchsummary|torchinfo|torchviz|pytorch_model_summary)\..*"
)
# Experiment trackers: they send what they are told to a machine outside the federation.
_TRACKS = re.compile(r"(wandb|mlflow|neptune|comet_ml|clearml|aim)\..*")
# What a hosted notebook offers and a site does not have.
_HOSTED = re.compile(r"google\.colab\..*|kaggle_secrets\..*")
_DRAWING_METHODS = frozenset({"show", "imshow", "plot", "hist", "boxplot", "savefig"})


def without_drawing(facts: Facts, settings: Settings) -> Completed:
    """The statements without the drawing ones; `pass` stands where one was inside a block."""
    statements: list[Statement] = []
    problems: list[Diagnostic] = []
    for statement in facts.statements:
        unmarked = statement.role is None and statement.is_definition
        if statement.is_import or statement.text or not (statement.role in _ROLES or unmarked):
            statements.append(statement)
            continue
        if _only_frees(statement):
            continue
        found = _Drawing(facts).found_in(statement)
        if unmarked:
            # A role may call it, and then it must not report to anyone; drawing does no harm.
            found = [leaf for leaf in found if _TRACKS.fullmatch(_called(facts, leaf))]
        if not found:
            statements.append(statement)
            continue
        if not unmarked:
            problems.append(_told(facts, statement, found))
        kept = _without(facts, statement, found)
        if kept is not None:
            statements.append(kept)
    same = len(statements) == len(facts.statements) and all(map(is_, statements, facts.statements))
    return Completed(facts.statements if same else tuple(statements), tuple(problems))


def _only_frees(statement: Statement) -> bool:
    """``del model``: in a function, it would only make the result unreachable."""
    return all(
        isinstance(node, ast.Delete)
        and all(isinstance(target, ast.Name) for target in node.targets)
        for node in statement.nodes
    )


def _told(facts: Facts, statement: Statement, found: list[ast.stmt]) -> Diagnostic:
    first = ast.unparse(found[0]).split("\n")[0]
    first = first if len(first) <= 50 else f"{first[:47]}..."
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    left_out = f"left out of `{statement.role}`"
    if _TRACKS.fullmatch(_called(facts, found[0])):
        message = f"`{first}`{more} reports to a machine outside the federation; {left_out}"
        return note(facts, "NBF307", statement, message, node=found[0])
    if _HOSTED.fullmatch(_called(facts, found[0])):
        message = f"`{first}`{more} works in a hosted notebook only; {left_out}"
        return note(facts, "NBF211", statement, message, node=found[0])
    return note(
        facts, "NBF211", statement, f"`{first}`{more} only draws; {left_out}", node=found[0]
    )


def _called(facts: Facts, node: ast.stmt) -> str:
    value = getattr(node, "value", None)
    return facts.vocabulary.dotted(value.func) or "" if isinstance(value, ast.Call) else ""


@dataclass
class _Drawing:
    """Finds drawing statements; ``canvases`` are names that hold figures and axes."""

    facts: Facts
    canvases: set[str] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)

    def found_in(self, statement: Statement) -> list[ast.stmt]:
        leaves = [leaf for node in statement.nodes for leaf in _simple_statements(node)]
        for leaf in leaves:
            if isinstance(leaf, ast.Assign) and self._draws(leaf.value):
                self.canvases |= _names(leaf.targets)
        found = [leaf for leaf in leaves if self._is_drawing(leaf)]
        # A figure that is used for more than drawing stays, and so does what makes it.
        dropped = {id(part) for leaf in found for part in ast.walk(leaf)}
        needed = {
            part.id
            for node in statement.nodes
            for part in ast.walk(node)
            if isinstance(part, ast.Name)
            and isinstance(part.ctx, ast.Load)
            and part.id in self.canvases
            and id(part) not in dropped
        }
        return [
            leaf
            for leaf in found
            if not needed or not isinstance(leaf, ast.Assign) or not _names(leaf.targets) & needed
        ]

    def _is_drawing(self, leaf: ast.stmt) -> bool:
        match leaf:
            case ast.Expr(value=ast.Call() as call):
                return self._draws(call)
            case ast.Assign(targets=targets, value=value):
                return self._draws(value) and all(
                    isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets
                )
        return False

    def _draws(self, value: ast.expr) -> bool:
        if not isinstance(value, ast.Call):
            return False
        dotted = self.facts.vocabulary.dotted(value.func) or ""
        if dotted in self.facts.vocabulary.functions:
            return self._only_draws(dotted)
        if any(pattern.fullmatch(dotted) for pattern in (_DRAWS, _TRACKS, _HOSTED)):
            return True
        root = root_name(value.func)
        if root in self.canvases:
            return True
        inner = value.func.value if isinstance(value.func, ast.Attribute) else None
        if isinstance(inner, ast.Call) and self._draws(inner):
            return True
        return (
            isinstance(value.func, ast.Attribute)
            and value.func.attr in _DRAWING_METHODS
            and (
                isinstance(value.func.value, ast.Call)
                or not self.facts.vocabulary.is_imported(root or "")
            )
        )

    def _only_draws(self, name: str) -> bool:
        """Whether a function of the notebook draws, gives nothing back and says nothing else."""
        function = self.facts.vocabulary.functions[name]
        if last_returned(function) is not None or name in self.looked_at:
            return False
        self.looked_at.add(name)
        calls = [node for node in own_nodes(function.body) if isinstance(node, ast.Call)]
        drawn = any(
            self._draws(call)
            and not _TRACKS.fullmatch(self.facts.vocabulary.dotted(call.func) or "")
            for call in calls
        )
        self.looked_at.discard(name)
        return drawn and not self._does_more(name, frozenset())

    def _does_more(self, name: str, seen: frozenset[str]) -> bool:
        """Whether it trains too, or prints what may be the metrics, or what it calls does."""
        functions = self.facts.vocabulary.functions
        for node in own_nodes(functions[name].body):
            match node:
                case ast.Attribute(attr="backward" | "step") | ast.Global() | ast.Nonlocal():
                    return True
                case ast.Call():
                    called = self.facts.vocabulary.dotted(node.func) or ""
                    if called == "print":
                        return True
                    inner = called in functions and called not in seen
                    if inner and self._does_more(called, seen | {name, called}):
                        return True
        return False


def _names(targets: list[ast.expr]) -> set[str]:
    return {
        part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
    }


def _simple_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, (ast.Expr, ast.Assign)):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield from _simple_statements(child)
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            for inner in child.body:
                yield from _simple_statements(inner)


def _without(facts: Facts, statement: Statement, found: list[ast.stmt]) -> Statement | None:
    """The statement with ``found`` replaced by ``pass``, None if nothing of it is left."""
    dropped = {id(leaf) for leaf in found}
    if all(_nothing_left(node, dropped) for node in statement.nodes):
        return None
    lines = facts.notebook.cell(statement.cell).source.split("\n")
    edits: dict[int, str] = {}
    for leaf in found:
        last = leaf.end_lineno or leaf.lineno
        before = lines[leaf.lineno - 1].encode()[: leaf.col_offset].decode(errors="ignore")
        after = lines[last - 1].encode()[leaf.end_col_offset or 0 :].decode(errors="ignore")
        if before.strip() or after.strip(" \t;").partition("#")[0].strip():
            continue  # it shares its line with other code
        source = " ".join(line.strip() for line in lines[leaf.lineno - 1 : last])
        source = source if len(source) <= 60 else f"{source[:57]}..."
        edits[leaf.lineno] = f"{before}pass  # nbfed: dropped {source}"
        edits.update(dict.fromkeys(range(leaf.lineno + 1, last + 1), ""))
    return edited(statement, edits, facts.notebook) if edits else statement


def _nothing_left(node: ast.stmt, dropped: set[int]) -> bool:
    if id(node) in dropped:
        return True
    match node:
        case ast.For() | ast.If() | ast.With():
            return all(
                _nothing_left(part, dropped) for part in [*node.body, *getattr(node, "orelse", [])]
            )
        case _:
            return False
