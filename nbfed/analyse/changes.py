"""Which objects a piece of code changes in place, as far as its text tells."""

from __future__ import annotations

import ast

# Methods that change their object and whose result is seldom the point of the call.
_MUTATORS = frozenset(
    {
        *("append", "extend", "update", "add", "insert", "setdefault", "pop", "popitem", "remove"),
        *("clear", "sort", "reverse", "discard", "appendleft", "add_argument"),
        *("load_state_dict", "register_buffer", "register_parameter", "add_module"),
        *("register_module", "register_forward_hook", "register_full_backward_hook"),
        *("fit", "fit_transform", "partial_fit", "set_epoch", "set_transform", "set_format"),
        *("freeze", "unfreeze", "resize_token_embeddings", "gradient_checkpointing_enable"),
    }
)
# Methods that change a module in place but only make a new value of a tensor or a table: they
# count where the result is thrown away.
_MUTATORS_AS_STATEMENT = frozenset(
    {*("to", "cuda", "cpu", "double", "half", "float", "bfloat16", "apply", "share_memory")}
)
# Functions that change their first argument.
_CHANGE_THEIR_ARGUMENT = frozenset({"setattr", "delattr", "shuffle"})


def changed_by(node: ast.AST) -> tuple[str, ...]:
    """Roots of the objects that this very node changes; its children are not looked at."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            return _root(node)
        case ast.Subscript(ctx=ast.Store() | ast.Del()):
            return _root(node)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method) as func)):
            return _root(func) if method in _MUTATORS_AS_STATEMENT else ()
        case ast.Call():
            return _changed_by_call(node)
        case _:
            return ()


def _changed_by_call(call: ast.Call) -> tuple[str, ...]:
    match call.func:
        case ast.Name(id=name) if name in _CHANGE_THEIR_ARGUMENT:
            return _first_argument(call)
        case ast.Attribute(attr="shuffle"):
            return _first_argument(call)
        case ast.Attribute(attr="makedirs" | "mkdir") as func:
            # Whoever uses the path needs the folder.
            return _first_argument(call) if call.args else _root(func)
        case ast.Attribute(attr=method, value=ast.Attribute(attr="init") | ast.Name(id="init")):
            # nn.init.xavier_uniform_(layer.weight) fills what it is given.
            return _first_argument(call) if method.endswith("_") else ()
        case ast.Attribute(attr=method) as func:
            return _root(func) if is_mutator(method) or _in_place(call) else ()
        case _:
            return ()


def is_mutator(method: str) -> bool:
    """Whether a method of this name is taken to change its object, as torch's ``add_`` does."""
    return method in _MUTATORS or (method.endswith("_") and not method.startswith("_"))


def _in_place(call: ast.Call) -> bool:
    return any(
        keyword.arg == "inplace"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )


def _first_argument(call: ast.Call) -> tuple[str, ...]:
    return _root(call.args[0]) if call.args else ()


def _root(node: ast.AST) -> tuple[str, ...]:
    name = root_name(node)
    return (name,) if name else ()


def root_name(node: ast.AST) -> str | None:
    """The name at the root of ``a.b[0].c(...)``, None where there is none."""
    while True:
        match node:
            case ast.Name():
                return node.id
            case ast.Attribute() | ast.Subscript() | ast.Starred():
                node = node.value
            case ast.Call():
                node = node.func
            case _:
                return None
