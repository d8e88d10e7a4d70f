"""Parse a piece of Python without letting anything escape."""

from __future__ import annotations

import ast
import warnings

from nbfed.cells import SyntaxProblem


def parse(source: str) -> ast.Module | SyntaxProblem:
    """The module of this source, or why there is none.

    The parser's own warnings (an unknown escape in a string) are the author's business.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return SyntaxProblem(_at_least_one(error.lineno), _at_least_one(error.offset), error.msg)
    except UnicodeError:
        return SyntaxProblem(1, 1, "the text holds characters that UTF-8 cannot encode")
    except ValueError:
        return SyntaxProblem(1, 1, "the text holds null bytes")
    except (RecursionError, MemoryError):
        return SyntaxProblem(1, 1, "the code is nested too deeply")


def _at_least_one(number: int | None) -> int:
    return max(number or 1, 1)
