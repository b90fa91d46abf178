"""Imports go one way, the runtime stands alone, and what starts often imports little."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fal_runtime
import falsmith

GENERATOR = Path(falsmith.__file__).parent
RUNTIME = Path(fal_runtime.__file__).parent
# From the vocabulary up. A module imports only what stands before it, in its own layer as well;
# a room such as verify counts as one module.
ORDER = {
    "falsmith": {
        "vocabulary": "errors names documents model text prose steering text_rules hosts",
        "reading": "schema screening example traits filters description platform catalog sources",
        "making and judging": "parse collection skill runtime_files render verify emulator",
        "pipeline": "generate publish drift update doctor",
        "command line": "cli __main__",
    },
    "fal_runtime": {
        "vocabulary": (
            "json_text text errors model_id process file_kinds file_headers paths yaml_file"
        ),
        "what a skill brings": "settings config uv dependencies",
        "input": "schema model input",
        "wire and results": "fal output",
        "jobs": "jobs",
        "daemon": "daemon",
        "command line": "help command queue_command",
    },
}
PLACES = {
    package: {name: place for place, name in enumerate(" ".join(layers.values()).split())}
    for package, layers in ORDER.items()
}
# What stands before a room and is none of its business. verify judges texts as a stranger does,
# and the emulator knows no skill. Code is another matter: nobody can tell good code from bad by
# its looks, so verify compares it with what is rendered. The wire carries inputs without a look
# into them, and a result is read by its own schema.
STRANGERS = {
    ("falsmith", "verify"): {"parse", "filters", "example", "schema"},
    ("falsmith", "emulator"): {"parse", "skill", "render", "filters", "verify"},
    ("fal_runtime", "schema"): {"settings", "config", "process"},
    ("fal_runtime", "input"): {"config", "process"},
    ("fal_runtime", "fal"): {"schema", "model", "input"},
    ("fal_runtime", "output"): {"model", "input"},
}
# referencing comes with jsonschema and is how its validators are given documents.
CARRIED = {"httpx", "yaml", "jsonschema", "referencing", "platformdirs"}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the absolute names of everything that a file imports, at any depth of its code."""
    package = path.relative_to(GENERATOR.parent).parent.parts
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            names += [f"{start}.{alias.name}" for alias in node.names]
    return tuple(names)


def place_of(path: Path) -> str:
    """Return the module or room directly below its package that a file belongs to."""
    return path.relative_to(GENERATOR.parent).parts[1].removesuffix(".py")


@pytest.mark.parametrize("package", [GENERATOR, RUNTIME], ids=lambda package: package.name)
def test_every_module_has_its_place(package: Path) -> None:
    places = {place_of(path) for path in modules(package)} - {"__init__"}
    assert places == set(PLACES[package.name])


@pytest.mark.parametrize("package", [GENERATOR, RUNTIME], ids=lambda package: package.name)
def test_a_module_imports_only_what_stands_before_it(package: Path) -> None:
    places = PLACES[package.name]
    wrong = [
        f"{place_of(path)} imports {name}"
        for path in modules(package)
        for name in _own_modules(path)
        if places[name] >= places[place_of(path)]
    ]
    assert wrong == []


@pytest.mark.parametrize(("package", "room"), STRANGERS)
def test_a_stranger_shares_no_code_with_what_it_looks_at(package: str, room: str) -> None:
    files = modules(GENERATOR.parent / package / room)
    shared = {name for path in files for name in _own_modules(path)}
    assert shared & STRANGERS[package, room] == set()


@pytest.mark.parametrize("package", [GENERATOR, RUNTIME], ids=lambda package: package.name)
def test_the_modules_of_a_room_import_each_other_one_way(package: Path) -> None:
    names = {_name_of(path): path for path in modules(package)}
    graph = {
        module: {part for name in imports(path) for part in (name, name.rpartition(".")[0])}
        & (set(names) - {module})
        for module, path in names.items()
    }
    # Raises where imports form a circle.
    assert set(TopologicalSorter(graph).static_order()) == set(names)


def test_verify_takes_nothing_but_the_code_of_a_skill_from_what_writes_it() -> None:
    shared = {name for path in modules(GENERATOR / "verify") for name in imports(path)}
    writing = {name for name in shared if name.startswith(("falsmith.render", "falsmith.skill"))}
    assert writing == {
        "falsmith.render.collection_scripts",
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


def test_the_version_is_printed_before_anything_is_loaded() -> None:
    arguments = "import sys; sys.argv = ['falsmith', '--version']; from falsmith import __main__"
    loaded = _loaded_by(f"{arguments}\ntry:\n __main__.main()\nexcept SystemExit:\n pass")
    assert loaded - sys.stdlib_module_names == {"falsmith"}


def test_the_runtime_starts_without_the_slow_part_of_the_standard_library() -> None:
    slow = {"asyncio", "email", "http", "ssl", "urllib.request", "sqlite3", "concurrent"}
    assert _loaded_by("import fal_runtime.command") & slow == set()


def test_a_job_is_handed_to_a_daemon_without_the_network_s_packages() -> None:
    loaded = _loaded_by("import fal_runtime.jobs.commands, fal_runtime.daemon.client")
    assert loaded & {"httpx", "ssl", "jsonschema", "platformdirs"} == set()


def _name_of(path: Path) -> str:
    return ".".join(path.relative_to(GENERATOR.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def _own_modules(path: Path) -> Iterator[str]:
    """Yield the modules below its package that a file imports, its own room left out."""
    own = path.relative_to(GENERATOR.parent).parts[0]
    for name in imports(path):
        package, _, rest = name.partition(".")
        module = rest.partition(".")[0]
        if package == own and module in PLACES[own] and module != place_of(path):
            yield module


def _loaded_by(statement: str) -> set[str]:
    """Return the top-level names of what a fresh interpreter loads for `statement`."""
    code = (
        f"import sys; before = set(sys.modules)\n{statement}\n"
        "print('loaded:', *{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].removeprefix("loaded:").split())
