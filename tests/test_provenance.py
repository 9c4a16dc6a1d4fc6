"""Provenance: a stage's files are those that it really loads, and its hash changes with any of them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gwsim import provenance
from gwsim.command import VERBS
from gwsim.waveforms import columns

PACKAGE = Path(provenance.__file__).parent

# Import each verb by itself, then all that its files import anywhere, within functions too.
LOADED = """
import ast, importlib, json, sys
from pathlib import Path

def ours():
    return {m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "gwsim" and m.__file__}

def loaded(verb):
    for name in [name for name in sys.modules if name.split(".")[0] == "gwsim"]:
        del sys.modules[name]
    importlib.import_module(f"gwsim.cli.{verb}")
    done = set()
    while todo := ours() - done:
        for path in todo:
            for node in ast.walk(ast.parse(Path(path).read_text())):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    exec(compile(ast.Module([node], []), path, "exec"), {})
        done |= todo
    return sorted(done)

found = {}
for verb in sys.argv[1:]:
    try:
        found[verb] = loaded(verb)
    except ImportError as error:
        found[verb] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded():
    command = [sys.executable, "-c", LOADED, *VERBS]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def names(verb):
    return {path.relative_to(PACKAGE).as_posix() for path in provenance.closure(f"gwsim.cli.{verb}")}


def forget():
    """Read all files anew, as another process would."""
    provenance.closure.cache_clear()
    provenance._needs.cache_clear()


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package, of which provenance speaks instead."""
    copy = tmp_path / "gwsim"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    forget()
    yield copy
    forget()


def code(verb):
    forget()
    return provenance.code_sha256(f"gwsim.cli.{verb}")


@pytest.mark.parametrize("verb", VERBS)
def test_the_closure_is_what_is_loaded(loaded, verb):
    assert isinstance(loaded[verb], list), loaded[verb]
    really = {Path(path).relative_to(PACKAGE).as_posix() for path in loaded[verb]}
    assert {name for name in names(verb) if name.endswith(".py")} == really


def test_stages_rest_on_no_more_than_they_use():
    assert "render.py" not in names("strain") | names("segments") | names("draw") | names("waveforms")
    assert "scans.py" not in names("strain") | names("segments") | names("noise") | names("draw")
    assert "strain/simulated.py" not in names("render")
    assert "configuration.py" not in names("render") | names("draw") | names("noise")
    for verb in VERBS:
        assert names(verb) >= {"__init__.py", "cli/__init__.py", f"cli/{verb}.py"}
        assert "command.py" not in names(verb)  # which knows all verbs: a new one would rerun every stage


def test_data_files_belong_to_the_modules_that_read_them():
    expected = {
        "strain": {"strain/lines.yaml", "strain/o3.yaml"},
        "waveforms": {"waveforms/surrogates.yaml", "waveforms/ccsn_files.yaml"},
        "render": {"detectors.yaml"},
        "segments": {"gwosc/catalogue.csv"},
    }
    for verb, files in expected.items():
        assert names(verb) >= files
    kinds = (".csv", ".yaml")
    everywhere = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*") if p.suffix in kinds}
    assert everywhere == {n for verb in VERBS for n in names(verb) if n.endswith(kinds)}
    assert "detectors.yaml" not in names("strain")


def test_what_is_not_ours_has_no_files():
    assert provenance.closure("numpy") == () and provenance.closure("gwsim.no_such_module") == ()


@pytest.mark.parametrize("verb", ["draw", "waveforms", "render", "evaluate"])
def test_signals_of_one_source_do_not_rest_on_the_others(verb):
    def of(*source):
        found = provenance.closure(f"gwsim.cli.{verb}", columns.others(*source))
        return {path.relative_to(PACKAGE).as_posix() for path in found}

    whole, own = names(verb), {source: of(source) for source in columns.DEFAULTS}
    assert "waveforms/surrogates.yaml" in own["ccsn"] and "waveforms/cbc.py" not in own["ccsn"]
    assert "waveforms/cbc.py" in own["cbc"] and "waveforms/cbc_scaled.py" not in own["cbc"]
    assert {"waveforms/cbc.py", "waveforms/post_newtonian.py"} <= own["cbc_scaled"]
    assert not any(name.startswith("waveforms/ccsn") for name in own["cbc"] | own["cbc_scaled"])
    of_glitches = (
        "waveforms/glitches",
        "qscan",
        "loudest",
        "scans",
        "publish_scans",
        "gravityspy",
        "glitched",
    )
    for source in ("ccsn", "cbc", "cbc_scaled"):
        assert not any(name.startswith(of_glitches) for name in own[source]), source
    assert "waveforms/glitches/classes.yaml" in own["glitch"] and "gravityspy/tables.py" in own["triggers"]
    strangers = (
        "waveforms/ccsn",
        "waveforms/sources/binaries",
        "waveforms/sources/supernovae",
        "strain/simulated",
    )
    assert not any(name.startswith(strangers) for name in own["glitch"] | own["triggers"])
    # Glitches in its noise are made as those of scans are, and seen by none.
    in_noise = of("ccsn", True)
    assert own["ccsn"] < in_noise and "scans.py" not in in_noise
    assert whole == set().union(in_noise, *own.values()) | {"waveforms/sources/__init__.py"}


def test_any_file_of_the_closure_changes_the_hash(copied):
    before = code("render")
    assert code("render") == before
    for path in provenance.closure("gwsim.cli.render"):
        assert path.is_relative_to(copied)
        text = path.read_bytes()
        path.write_bytes(text + b"\n")
        assert code("render") != before, path
        path.write_bytes(text)
    assert code("render") == before


def test_no_other_file_changes_the_hash(copied):
    before = code("render")
    inside = set(provenance.closure("gwsim.cli.render"))
    others = [path for path in copied.rglob("*") if path.is_file() and path not in inside]
    assert len(others) > 10
    for path in others:
        path.write_bytes(path.read_bytes() + b"\n")
    assert code("render") == before


def test_a_new_import_is_followed_wherever_it_stands(copied):
    before = code("verify")
    (copied / "seeds_more.py").write_text("import gwsim.waveforms.surrogates as s\n")
    (copied / "store.py").write_text(
        (copied / "store.py").read_text() + "\n\ndef late():\n    from gwsim import seeds_more\n"
    )
    assert code("verify") != before
    found = {path.name for path in provenance.closure("gwsim.cli.verify")}
    assert found >= {"seeds_more.py", "surrogates.py", "surrogates.yaml"}


def test_the_hash_does_not_know_where_the_package_stands(copied):
    here = code("render")
    provenance.PACKAGE = PACKAGE
    assert code("render") == here


def test_versions_and_revision_are_told(monkeypatch, tmp_path):
    versions = provenance.versions()
    assert set(versions) == set(provenance.WITNESSES) and all(versions.values())
    monkeypatch.delenv("GWSIM_REVISION", raising=False)
    assert provenance.revision() != "unknown"
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    assert provenance.revision() == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.revision() == "unknown"


def test_an_image_without_history_is_told_its_revision_and_a_clone_is_not(monkeypatch, tmp_path):
    of_clone = provenance.revision()
    monkeypatch.setenv("GWSIM_REVISION", "0123456789ab")
    assert provenance.revision() == of_clone != "0123456789ab"
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    assert provenance.revision() == "0123456789ab"
    monkeypatch.setenv("GWSIM_REVISION", "")
    assert provenance.revision() == "unknown"
