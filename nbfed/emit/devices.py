"""Whether a notebook's code asks for a GPU without asking first whether there is one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from nbfed.program import HelperModule, Program, Stage

_CUDA = re.compile(r"cuda(:\d+)?")
# What these are told about the device they take as advice where it is not there.
_ADVISED = frozenset({"autocast", "GradScaler"})


def client_asks_for_gpu(program: Program) -> bool:
    """Whether the code that sites run would fail where there is no GPU."""
    stages = (program.data, program.model, program.train, program.evaluate)
    return _asks(program, stages, program.helpers)


def server_asks_for_gpu(program: Program) -> bool:
    """Whether making, or evaluating, the model at the server would fail where there is no GPU."""
    helpers = [helper for helper in program.helpers if helper.at_server]
    own = (program.server.data, program.server.evaluate) if program.server else ()
    return _asks(program, (program.model, *own), helpers)


def _asks(
    program: Program, stages: Iterable[Stage | None], helpers: Iterable[HelperModule]
) -> bool:
    texts = [parameter.default for parameter in program.params]
    texts += [helper.text for helper in helpers]
    for stage in stages:
        if stage is not None:
            texts += [part.text for part in (*stage.module, *stage.body)]
    trees = [ast.parse(text) for text in texts if "cuda" in text]
    answers = {name for tree in trees for name in _answers(tree)}
    return any(_outright(tree, answers) for tree in trees)


def _answers(tree: ast.AST) -> Iterator[str]:
    """Names that hold the answer to whether there is a GPU."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _asked(node.value, ()):
            if isinstance(node.value, (ast.IfExp, ast.Dict)):
                continue  # what was chosen by the answer, not the answer
            yield from (name.id for name in node.targets if isinstance(name, ast.Name))


def _asked(test: ast.AST, answers: Iterable[str]) -> bool:
    return any(
        (isinstance(part, ast.Attribute) and part.attr in ("is_available", "device_count"))
        or (isinstance(part, ast.Name) and part.id in answers)
        for part in ast.walk(test)
    )


def _outright(node: ast.AST, answers: Iterable[str]) -> bool:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.BoolOp(values=[test, *_]) if _asked(
            test, answers
        ):
            return False
        case ast.Call(func=ast.Attribute(attr="cuda")):
            return True
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _ADVISED:
            return False
        case ast.Constant(value=str() as text):
            return _CUDA.fullmatch(text) is not None
    return any(_outright(child, answers) for child in ast.iter_child_nodes(node))
