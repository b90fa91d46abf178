"""Which variable a name of Python code is: one of a function, or one that others share."""

import ast
from collections.abc import Iterator

__all__ = ["SHARED", "Function", "variables"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
# What a method keeps in its object is there for the other methods too.
SHARED = frozenset({"self", "cls"})


def variables(tree: ast.AST) -> dict[ast.AST, str]:
    """Return for each name, parameter and function a key that is its variable's alone."""
    found: dict[ast.AST, str] = {}
    waiting: list[tuple[ast.AST, dict[str, str]]] = [(tree, {})]
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, ast.Name):
            found[node] = known.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            found[node] = known.get(node.arg, node.arg)
        elif isinstance(node, Function):
            found[node] = known.get(node.name, node.name)
            known = known | {name: f"{name}, line {node.lineno}" for name in _own_names(node)}
        waiting += [(part, known) for part in ast.iter_child_nodes(node)]
    return found


def _own_names(function: Function) -> set[str]:
    own: set[str] = set()
    shared = set(SHARED)
    waiting: list[ast.AST] = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        own.update(_bound(node))
        if isinstance(node, ast.Global | ast.Nonlocal):
            shared.update(node.names)
        waiting += _parts(node)
    return own - shared


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, Function | ast.ClassDef):
        yield node.name


def _parts(node: ast.AST) -> list[ast.AST]:
    """Return the parts whose names are the function's: not those of functions inside it."""
    if isinstance(node, Function | ast.ClassDef | ast.Lambda):
        return []
    if isinstance(node, ast.comprehension):
        return [node.iter, *node.ifs]
    return list(ast.iter_child_nodes(node))
