"""What a product was made with: the source files of a stage, their hash, versions and git revision."""

import ast
import hashlib
import importlib.metadata
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
DATA = ("*.csv", "*.yaml", "*.html", "*.css", "*.js")
WITNESSES = ("gwsim-pipeline", "lalsuite", "numba", "numpy", "pycbc", "scipy", "tensorstore", "torch", "zarr")


@cache
def closure(module: str, without: frozenset[str] = frozenset()) -> tuple[Path, ...]:
    """Return the files within this package that a module rests on: its imports, theirs, and data files.

    Imports inside functions count; modules that it does `without` are left out, and what they alone rest on.
    A module's data file has its name and another suffix, or is named
    in the module's text.
    """
    todo, found = [module], {}
    while todo:
        name = todo.pop()
        path = None if name in without else _file(name)
        if path is None or path in found:
            continue
        modules, data = _needs(path, name)
        found |= dict.fromkeys((path, *data))
        todo += modules
    return tuple(sorted(found))


def _file(module: str) -> Path | None:
    if module.split(".")[0] != PACKAGE.name:
        return None
    stem = PACKAGE.joinpath(*module.split(".")[1:])
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


@cache
def _needs(path: Path, module: str) -> tuple[list[str], list[Path]]:
    """Return every module that a file imports, its own packages included, and the data files it names."""
    text, names = path.read_text(), [module.rpartition(".")[0]]
    for node in _statements(ast.parse(text).body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    beside = (one for kind in DATA for one in path.parent.glob(kind))
    return names, [one for one in beside if one.stem == path.stem or f'"{one.name}"' in text]


def _statements(body: list[ast.AST]) -> Iterator[ast.AST]:
    """Return statements and those inside them, but no expressions, of which there are many more."""
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _statements(getattr(node, field, []))


def code_sha256(module: str, without: frozenset[str] = frozenset()) -> str:
    """Return the hash of all files of a module's closure."""
    digest = hashlib.sha256()
    for path in closure(module, without):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the packages on which the numbers rest."""
    return {name: importlib.metadata.version(name) for name in WITNESSES}


def revision() -> str:
    """Return the git revision of this package's sources; outside a checkout GWSIM_REVISION, or 'unknown'."""
    command = ["git", "-C", str(PACKAGE), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        # A container's image has no history: what built it says of which revision it is.
        return os.environ.get("GWSIM_REVISION") or "unknown"
