"""Whether code sends the whole environment away; a single variable, such as a key, may be sent."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from falsmith.verify.scopes import SHARED, Function, variables

__all__ = ["imported_names", "line_that_sends_environment", "resolved"]

ENVIRONMENT = frozenset({"os.environ", "os.environb"})
# Methods and functions that hand their arguments to another machine or program.
SENDERS = frozenset(
    {
        "Popen", "Request", "call", "check_call", "check_output", "patch", "post", "put",
        "request", "run", "send", "sendall", "sendto", "stream", "urlopen",
    }
)  # fmt: skip
# Arguments that HTTP libraries send, whatever the function is called.
SENT = frozenset({"body", "content", "cookies", "data", "files", "headers", "json", "params"})
# What these return holds what they were given; of other functions nobody knows.
PASSING = frozenset(
    {
        "Path", "b64encode", "bytes", "compress", "copy", "deepcopy", "dict", "dumps", "encode",
        "filter", "format", "frozenset", "join", "list", "map", "open", "quote", "repr", "set",
        "sorted", "str", "tuple", "urlencode", "urlsafe_b64encode", "zip",
    }
)  # fmt: skip
# Their functions send whatever they are given: `get` has a query.
WEB = ("aiohttp.", "httpx.", "requests.", "urllib3.")
ENVIRONMENT_FILE = re.compile(r"/proc/[^/]+/environ")
ONE = frozenset({"get", "pop", "setdefault", "__getitem__"})
FILLING = frozenset({"append", "extend", "update"})
IMPORTS = frozenset({"__import__", "importlib.import_module"})
GETATTR = frozenset({"getattr", "builtins.getattr"})
# Nothing that is looked for has a longer name.
MOST_PARTS = 10
# Names pass the environment on from one to the next; real code does so once or twice.
MOST_ROUNDS = 10
# Methods of several classes have one name; each call is held against all of them.
MOST_OF_ONE_NAME = 20


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a file: its imports, its variables, and which of these hold everything."""

    names: Mapping[str, str]
    variables: Mapping[ast.AST, str]
    holders: set[str] = field(default_factory=set)

    def is_holder(self, node: ast.AST) -> bool:
        return self.variables.get(node) in self.holders


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name of a file stands for: `from os import environ as e`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {n.asname or n.name: f"{node.module}.{n.name}" for n in node.names}
    return found


def resolved(node: ast.AST | None, names: Mapping[str, str]) -> str:
    """Return the dotted name that an expression is, by the imports; "" for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call) and len(parts) < MOST_PARTS:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        else:
            module, part, node = _looked_up(node, names)
            parts += [part] if part else []
            if module:
                return ".".join([module, *reversed(parts)])
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _looked_up(call: ast.Call, names: Mapping[str, str]) -> tuple[str, str, ast.AST | None]:
    """Return the module of `__import__("module")`, name and owner of `getattr(owner, "name")`."""
    is_plain = isinstance(getattr(call.func, "value", call.func), ast.Name)
    function = resolved(call.func, names) if is_plain else ""
    word = next((part.value for part in call.args if isinstance(part, ast.Constant)), None)
    if not isinstance(word, str):
        return "", "", None
    if function in IMPORTS:
        return word, "", None
    return "", word, call.args[0] if function in GETATTR else None


def line_that_sends_environment(tree: ast.Module, names: Mapping[str, str]) -> int | None:
    """Return the line of a call that is given all of os.environ to send, None without one."""
    known = _Known(names, variables(tree))
    flows = [(known.variables[node], value) for node, value in _flows(tree)]
    for _ in range(MOST_ROUNDS):
        new = {name for name, value in flows if _holds(value, known)} - known.holders
        if not new:
            break
        known.holders.update(new)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    sending = (call for call in calls if any(_holds(part, known) for part in _sent(call, names)))
    return min((call.lineno for call in sending), default=None)


def _flows(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Yield each name that is assigned to or filled, with the value."""
    functions = _functions(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            own = functions.get(_method(node) or resolved(node.func, {}), [])
            for function in own[:MOST_OF_ONE_NAME]:
                yield from _given(node, function)
        if isinstance(node, ast.Assign):
            yield from _names(node.targets, node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
            yield from _names([node.target], node.value)
        elif isinstance(node, ast.For):
            yield from _names([node.target], node.iter)
        elif isinstance(node, ast.Call) and _method(node) in FILLING:
            for value in node.args:
                yield from _names([node.func], value)
        elif isinstance(node, Function):
            yield from ((node, value) for value in _returned(node))


def _functions(tree: ast.Module) -> dict[str, list[Function]]:
    """Return the functions by name; the name of a class is one of what makes its objects."""
    found: dict[str, list[Function]] = {}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ClassDef):
            made = (part for part in node.body if isinstance(part, Function))
            found.setdefault(node.name, []).extend(p for p in made if p.name == "__init__")
    return found


def _given(call: ast.Call, function: Function) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Yield the parameters of a function of the file with what a call gives for them."""
    own = function.args
    places = [one for one in own.posonlyargs + own.args if one.arg not in SHARED]
    by_name = {one.arg: one for one in places + own.kwonlyargs}
    yield from zip(places, call.args, strict=False)
    for keyword in call.keywords:
        if keyword.arg in by_name:
            yield by_name[keyword.arg], keyword.value


def _returned(function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value:
            yield node.value


def _names(targets: Iterable[ast.expr], value: ast.expr) -> Iterator[tuple[ast.AST, ast.expr]]:
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                yield node, value


def _sent(call: ast.Call, names: Mapping[str, str]) -> Iterator[ast.expr]:
    is_own = isinstance(call.func, ast.Name) and call.func.id not in names
    is_web = resolved(call.func, names).startswith(WEB)
    is_sender = (_name(call, names) in SENDERS or is_web) and not is_own
    yield from call.args if is_sender else ()
    for keyword in call.keywords:
        # A program that is started gets the environment anyway.
        if keyword.arg in SENT or (is_sender and keyword.arg != "env"):
            yield keyword.value


def _holds(value: ast.AST, known: _Known) -> bool:
    """Tell whether the value holds all of the environment, as itself or in other words."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if _is_whole(node, known):
            return True
        if isinstance(node, ast.Subscript) and _is_whole(node.value, known):
            waiting.append(node.slice)
        elif isinstance(node, ast.Call):
            waiting += _passed(node, known)
        elif not isinstance(node, ast.Compare | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return False


def _is_whole(node: ast.AST, known: _Known) -> bool:
    if known.is_holder(node):
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ENVIRONMENT_FILE.fullmatch(node.value) is not None
    return resolved(node, known.names) in ENVIRONMENT


def _passed(call: ast.Call, known: _Known) -> list[ast.AST]:
    """Return the parts of a call that are in what it returns."""
    own = call.func.value if isinstance(call.func, ast.Attribute) else None
    if own is not None and _method(call) in ONE and _is_whole(own, known):
        return []
    if known.is_holder(call.func):
        return [call.func]
    if _name(call, known.names) not in PASSING:
        return [] if own is None else [own]
    return [call.func, *call.args, *(keyword.value for keyword in call.keywords)]


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _name(call: ast.Call, names: Mapping[str, str]) -> str:
    if isinstance(call.func, ast.Name):
        return names.get(call.func.id, call.func.id).rpartition(".")[2]
    return _method(call)
