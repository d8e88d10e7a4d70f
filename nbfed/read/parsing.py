"""Parse a piece of Python without letting anything escape."""

from __future__ import annotations

import ast
import warnings

from nbfed.read.cells import SyntaxProblem

_DEEPEST = 200
_TOO_DEEP = SyntaxProblem(1, 1, "the code is nested too deeply")


def parse(source: str) -> ast.Module | SyntaxProblem:
    """The module of this source, or why there is none.

    The parser's own warnings (an unknown escape in a string) are the author's business. Code
    nested deeper than 200 levels counts as no Python: whoever walks the tree by recursion may
    rely on that.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        return SyntaxProblem(_at_least_one(error.lineno), _at_least_one(error.offset), error.msg)
    except UnicodeError:
        return SyntaxProblem(1, 1, "the text holds characters that UTF-8 cannot encode")
    except ValueError:
        return SyntaxProblem(1, 1, "the text holds null bytes")
    except (RecursionError, MemoryError):
        return _TOO_DEEP
    return _TOO_DEEP if _is_too_deep(tree) else tree


def _is_too_deep(tree: ast.Module) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


def _at_least_one(number: int | None) -> int:
    return max(number or 1, 1)
