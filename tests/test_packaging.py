"""The four places that name versions agree: pyproject, requirements, environment, and what runs."""

import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
URL_OR_OPTION = re.compile(r"://|\s--?\w|^-|@")


def lines(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def parse(pins):
    """Version by canonical name; ValueError where a line is more, or less, than name==version."""
    versions = {}
    for line in pins:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!]+)", line)
        if not match or canonicalize_name(match[1]) in versions:
            raise ValueError(f"not one pin of one package: {line!r}")
        versions[canonicalize_name(match[1])] = match[2]
    return versions


def unmet(requirements, versions):
    """The requirements that no pinned version satisfies."""
    return [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0.dev0"))
    ]


def needed(requirement):
    """What an installed distribution asks for here, given the extras that were asked of it."""
    extras = requirement.extras or {""}
    for text in metadata.requires(requirement.name) or ():
        heir = Requirement(text)
        if heir.marker is None or any(heir.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield heir


def closure(requirements):
    """Installed version by canonical name of all that the requirements need, directly or not."""
    seen, versions, waiting = set(), {}, list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in seen:
            continue
        seen.add((name, *sorted(requirement.extras)))
        versions[name] = metadata.version(name)
        # The CUDA build of torch pins its CUDA packages itself, the CPU build has none: no line of ours.
        waiting += [
            heir for heir in needed(requirement) if name != "torch" or "==" not in str(heir.specifier)
        ]
    return versions


@pytest.fixture(scope="module")
def direct():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tests = project["project"]["optional-dependencies"]["test"]
    build = project["build-system"]["requires"]  # built without isolation, so from the same pins
    return [Requirement(text) for text in (*project["project"]["dependencies"], *tests, *build)]


@pytest.fixture(scope="module")
def pins():
    return lines((ROOT / "requirements.txt").read_text())


def test_pins_are_sorted_and_one_a_package(pins):
    names = list(parse(pins))
    assert names == sorted(names)


def test_a_line_that_is_no_pin_is_seen():
    for bad in ("numpy>=2", "--no-deps", "a==1.*", "torch==2.13.0+cpu", "a @ file://b"):
        with pytest.raises(ValueError, match="not one pin"):
            parse([bad])
    with pytest.raises(ValueError, match="not one pin"):
        parse(["a-b==1", "A_b==2"])


def test_every_direct_dependency_is_pinned_within_its_range(direct, pins):
    assert len(direct) > 20
    assert unmet(direct, parse(pins)) == []


def test_pins_bear_one_another(pins):
    """Else pip would refuse them together. What a build of torch brings along is not in the list."""
    versions = parse(pins)
    asked = [heir for name in versions if name != "torch" for heir in needed(Requirement(name))]
    assert len(asked) > 300
    assert unmet(asked, versions) == []


def test_the_executor_of_slurm_lacks_nothing_but_a_newer_numpy(pins):
    """It is installed by itself, so nothing else is looked at by pip."""
    versions = parse(pins) | parse(executor := lines((ROOT / "slurm" / "requirements.txt").read_text()))
    asked = [heir for name in parse(executor) for heir in needed(Requirement(name))]
    assert {metadata.version(name) for name in parse(executor)} == set(parse(executor).values())
    assert [Requirement(text).name for text in unmet(asked, versions)] == ["numpy"]


def test_a_missing_and_an_outdated_pin_are_seen():
    wanted = [Requirement("numpy>=2.3,<3"), Requirement("scipy>=1.16"), Requirement("h5py>=3")]
    assert unmet(wanted, {"numpy": "2.2.0", "h5py": "3.1"}) == ["numpy<3,>=2.3", "scipy>=1.16"]


def test_environment_repeats_the_pins(pins):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == pins
    assert environment["name"] == "gwsim"
    assert "pip" in environment["dependencies"] and "make" in environment["dependencies"]


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml"])
def test_no_index_is_named(name):
    text = (ROOT / name).read_text()
    offenders = [line for line in lines(text) if URL_OR_OPTION.search(line.strip().removeprefix("- "))]
    assert offenders == [] and "://" not in text


@pytest.mark.parametrize("line", ["-i x", "-f x", "a==1 --hash=sha256:0", "a @ x", "https://x"])
def test_an_index_would_be_seen(line):
    assert URL_OR_OPTION.search(line)


def test_torch_is_the_one_that_was_tested_and_torchvision_is_absent(pins):
    versions = parse(pins)
    assert versions["torch"] == "2.13.0"
    assert "torchvision" not in versions


def test_the_running_environment_is_the_pinned_one(direct, pins):
    versions = parse(pins)
    installed = closure(direct)
    assert {"scipy", "pillow", "setuptools"} <= installed.keys()  # direct, indirect, for the build
    strays = {
        name: version
        for name, version in installed.items()
        if name not in versions or version.partition("+")[0] != versions[name]
    }
    assert strays == {}


def test_the_closure_is_walked():
    assert {"matplotlib", "contourpy", "numpy"} <= closure([Requirement("matplotlib")]).keys()
    assert "cryptography" in closure([Requirement("pyjwt[crypto]")])
    assert "cryptography" not in closure([Requirement("pyjwt")])


# The Makefile

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


def make(*arguments, folder=ROOT):
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False)


@needs_make
def test_make_lists_every_target():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    listed = re.findall(r"make (\w+)\t", make().stdout)
    assert listed == phony.split()


@needs_make
def test_make_refuses_an_old_python(tmp_path):
    (tmp_path / "slurm").mkdir()
    for name in ("Makefile", "requirements.txt", "slurm/requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    got = make("test", f"PYTHON={old}", "CORES=1", folder=tmp_path)
    assert got.returncode == 2
    assert "needs Python 3.11.5 or newer" in got.stderr and "Python 3.9.2" in got.stderr
    assert not (tmp_path / ".venv").exists()
