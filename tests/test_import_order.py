"""Imports go one way, the runtime stands alone, and what starts often imports little."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fal_runtime
import falsmith

GENERATOR = Path(falsmith.__file__).parent
RUNTIME = Path(fal_runtime.__file__).parent
# From the vocabulary up. A module imports only what stands before it, in its own layer as well;
# a package such as verify counts as one module.
ORDER = {
    "vocabulary": "errors names documents model text text_rules hosts",
    "reading": "schema screening sample traits filters platform catalog sources",
    "making and judging": "parse skill runtime_files render verify emulator",
    "pipeline": "generate doctor",
    "command line": "cli __main__",
}
PLACES = {name: place for place, name in enumerate(" ".join(ORDER.values()).split())}
# verify judges texts as a stranger does, and the emulator knows no skill. Code is another matter:
# nobody can tell good code from bad by its looks, so verify compares it with what is rendered.
STRANGERS = {
    "verify": {"parse", "filters", "sample", "schema"},
    "emulator": {"parse", "skill", "render", "filters", "verify"},
}
# referencing comes with jsonschema and is how its validators are given documents.
CARRIED = {"httpx", "yaml", "jsonschema", "referencing", "platformdirs"}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute name of everything that a file imports, at any depth of its code."""
    package = path.relative_to(GENERATOR.parent).parent.parts
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def place_of(path: Path) -> str:
    """Return the module or package directly below falsmith that a file belongs to."""
    return path.relative_to(GENERATOR).parts[0].removesuffix(".py")


def test_every_module_of_the_generator_has_its_place() -> None:
    found = {place_of(path) for path in modules(GENERATOR)} - {"__init__"}
    assert found == set(PLACES)


def test_a_module_imports_only_what_stands_before_it() -> None:
    wrong = [
        f"{place_of(path)} imports {name}"
        for path in modules(GENERATOR)
        for name in _own_modules(path)
        if PLACES[name] >= PLACES[place_of(path)]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", STRANGERS)
def test_a_stranger_shares_no_code_with_what_it_looks_at(package: str) -> None:
    shared = {name for path in modules(GENERATOR / package) for name in _own_modules(path)}
    assert shared & STRANGERS[package] == set()


def test_verify_takes_nothing_but_the_code_of_a_skill_from_what_writes_it() -> None:
    shared = {name for path in modules(GENERATOR / "verify") for name in imports(path)}
    writing = {name for name in shared if name.startswith(("falsmith.render", "falsmith.skill"))}
    assert writing == {
        "falsmith.render.model_scripts",
        "falsmith.render.render_creator",
        *(f"falsmith.skill.tree.{kind}" for kind in ("Entry", "File", "Link")),
    }


def test_the_runtime_imports_nothing_but_its_few_dependencies() -> None:
    allowed = CARRIED | sys.stdlib_module_names | {"fal_runtime"}
    wrong = [
        f"{path.name} imports {name}"
        for path in modules(RUNTIME)
        for name in imports(path)
        if name.partition(".")[0] not in allowed
    ]
    assert wrong == []


def test_imports_inside_functions_and_relative_ones_are_seen() -> None:
    assert "falsmith.cli.run" in set(imports(GENERATOR / "__main__.py"))
    assert "fal_runtime.errors.FalError" in set(imports(RUNTIME / "output" / "result.py"))


@pytest.mark.parametrize(
    ("statement", "packages"),
    [
        ("import falsmith", {"falsmith"}),
        ("import fal_runtime.command", {"fal_runtime"}),
    ],
)
def test_an_import_loads_no_third_party(statement: str, packages: set[str]) -> None:
    loaded = _loaded_by(statement)
    assert packages <= loaded
    assert loaded - sys.stdlib_module_names == packages


def test_the_version_is_told_before_anything_is_loaded() -> None:
    arguments = "import sys; sys.argv = ['falsmith', '--version']; from falsmith import __main__"
    loaded = _loaded_by(f"{arguments}\ntry:\n __main__.main()\nexcept SystemExit:\n pass")
    assert loaded - sys.stdlib_module_names == {"falsmith"}


def test_the_runtime_starts_without_the_slow_part_of_the_standard_library() -> None:
    slow = {"asyncio", "email", "http", "ssl", "urllib.request", "sqlite3", "concurrent"}
    assert _loaded_by("import fal_runtime.command") & slow == set()


def _own_modules(path: Path) -> Iterator[str]:
    """Yield the modules below falsmith that a file imports, its own package left out."""
    for name in imports(path):
        package, _, rest = name.partition(".")
        module = rest.partition(".")[0]
        if package == "falsmith" and module in PLACES and module != place_of(path):
            yield module


def _loaded_by(statement: str) -> set[str]:
    """Return the top-level names of what a fresh interpreter loads for `statement`."""
    code = (
        f"import sys; before = set(sys.modules)\n{statement}\n"
        "print('loaded:', *{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].removeprefix("loaded:").split())
