"""The magic pass beside IPython's own: the same Python statements are left."""

from __future__ import annotations

import ast

from hypothesis import assume, example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbfed.read.cells import SyntaxProblem
from nbfed.read.lines import scan
from nbfed.read.magics import strip_magics
from nbfed.read.parsing import parse

LINES = st.sampled_from(
    [
        *("x = 1", "y = (10", "% 3)", "z = '%s' % x", 's = """', '"""', "!ls", "!!ls -l", "!a \\"),
        *("   b", "%matplotlib inline", "%cd ..", "files = !ls", "a, b = %sx ls", "obj?", "?obj"),
        *("np.*load*?", "if x:", "    !ls", "    y = 2", "    %env A=1", "else:", "    pass"),
        *("# comment", "def f():", "    return [1,", "  2]", "", "f(1)  # why?", "x = 1 + \\"),
        *(
            "print('!')",
            "    files = !ls",
            "    obj.attr??",
            "for i in x:",
            "x != y",
            "t = f'{x!r}'",
        ),
    ]
)


def is_shell_call(node: ast.AST) -> bool:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id == "get_ipython"


class Plain(ast.NodeTransformer):
    """IPython's calls as the magic pass writes them."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        return ast.Pass() if is_shell_call(node.value) else node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        if is_shell_call(node.value):
            node.value = ast.Name("get_ipython")
        return node


def shape(source: str) -> str | None:
    tree = parse(source)
    if isinstance(tree, SyntaxProblem):
        return None
    tree = Plain().visit(tree)
    tree.body = [node for node in tree.body if not isinstance(node, ast.Pass)]
    return ast.dump(tree)


@given(st.lists(LINES, max_size=9).map("\n".join))
@example("%%bash\nls")
@example("    x = 1\n    !ls")
@example("\n\n%matplotlib inline\nx = 1")
def test_the_same_statements_are_left(source):
    # Of a help line inside brackets IPython drops the whole statement; it is an error here.
    assume(
        all(
            line.starts_statement or not text.endswith("?")
            for line, text in zip(scan(source), source.split("\n"), strict=True)
        )
    )
    try:
        theirs = shape(TransformerManager().transform_cell(source))
    except SyntaxError:  # IPython itself gives up on some broken cells
        theirs = None
    if theirs is not None:
        assert shape(strip_magics(source).source) == theirs
