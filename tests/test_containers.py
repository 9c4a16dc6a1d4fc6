"""Recipes of containers: both make the environment of the pins, by commands that a shell accepts."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
DOCKER = (ROOT / "containers" / "Dockerfile").read_text()
APPTAINER = (ROOT / "containers" / "gwsim.def").read_text()


def docker_steps(text=DOCKER):
    """The instructions of a Dockerfile: their words, and what follows them."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def sections(text=APPTAINER):
    """The sections of a definition file, by name."""
    parts = re.split(r"^%(\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def copied():
    """What of the clone goes into the image of each recipe."""
    docker = [rest.split() for word, rest in docker_steps() if word == "COPY" and "--from" not in rest]
    apptainer = [line.split() for line in sections()["files"].splitlines() if line.strip()]
    return {name for *names, _ in docker for name in names}, {name for name, _ in apptainer}


@pytest.mark.parametrize("recipe", [DOCKER, APPTAINER])
def test_python_is_one_that_the_environment_allows(recipe):
    (version,) = re.findall(r"BASE=python:([0-9.]+)-slim", recipe)
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [one for one in environment if isinstance(one, str) and one.startswith("python ")]
    # An image's name without a third number is that of the newest.
    assert SpecifierSet(python.removeprefix("python ")).contains(f"{version}.99")


@pytest.mark.parametrize("recipe", [DOCKER, APPTAINER])
def test_packages_are_the_pinned_ones_and_the_clone_brings_none(recipe):
    installs = re.findall(r"pip install (.*)", recipe)
    assert len(installs) == 3
    assert re.search(r"--requirement \S+/requirements\.txt", installs[0])
    assert "--no-deps" in installs[1] and "--requirement /gwsim/slurm/requirements.txt" in installs[1]
    assert "--no-deps" in installs[2] and "--editable /gwsim" in installs[2]
    assert all("--no-cache-dir" in one for one in installs)


def test_both_recipes_take_the_same_files_and_all_of_them_exist():
    docker, apptainer = copied()
    assert docker == apptainer
    assert {"Snakefile", "config.yaml", "gwsim", "workflow", "requirements.txt"} <= docker
    assert [name for name in docker if not (ROOT / name).exists()] == []
    assert not docker & {".", "results", "tests", ".git"}


def test_what_the_project_reads_of_its_folder_is_taken_along():
    """Files that pyproject.toml and the rules name beside packages."""
    docker, _ = copied()
    named = re.findall(r'readme = "(\S+)"', (ROOT / "pyproject.toml").read_text())
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        named += re.findall(r'"\.\./\.\./(\S+)"', path.read_text())
    assert {"README.md", "environment.yml"} <= set(named) <= docker


def test_the_image_does_not_run_as_root_and_has_no_compiler():
    steps = docker_steps()
    last = max(place for place, (word, _) in enumerate(steps) if word == "FROM")
    running = [rest for word, rest in steps[last:] if word == "USER"]
    assert running and running[-1] not in ("root", "0")
    assert not any("apt-get" in rest for _, rest in steps[last:])
    post = sections()["post"]
    assert set(re.search(r"install .*?recommends (.*)", post)[1].split()) == set(
        re.search(r"--auto-remove (.*)", post)[1].split()
    )


def test_a_user_whose_number_has_no_name_in_the_image_gets_one():
    """Snakemake asks for it at its start; Apptainer brings its own."""
    (environment,) = [rest for word, rest in docker_steps() if word == "ENV" and "HOME=" in rest]
    assert "USER=gwsim" in environment.split()


def test_the_revision_is_taken_from_the_clone_and_handed_to_the_code():
    asked = '--build-arg REVISION="$(git describe --always --dirty --abbrev=12)"'
    page = (ROOT / "docs" / "engines.md").read_text()
    assert asked in DOCKER and asked in APPTAINER and page.count(asked) == 2
    last = docker_steps()[max(place for place, (word, _) in enumerate(docker_steps()) if word == "FROM") :]
    assert last.index(("ARG", "REVISION=unknown")) < last.index(("ENV", "GWSIM_REVISION=$REVISION"))
    assert "REVISION=unknown" in sections()["arguments"].split()
    assert 'export GWSIM_REVISION="{{ REVISION }}"' in sections()["environment"]
    # Else they would be described in another way than those that a clone makes.
    code = (ROOT / "gwsim" / "provenance.py").read_text()
    assert '"describe", "--always", "--dirty", "--abbrev=12"' in code


@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell")
def test_every_command_is_one_that_a_shell_accepts():
    runs = [rest for word, rest in docker_steps() if word == "RUN"]
    scripts = [sections()[name] for name in ("post", "environment", "runscript", "test")]
    assert len(runs) >= 4
    for script in (*runs, *scripts):
        text = re.sub(r"\{\{.*?\}\}", "x", script)
        got = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
        assert got.returncode == 0, f"{script}: {got.stderr}"
    broken = subprocess.run(["sh", "-n"], input="a && ", text=True, capture_output=True, check=False)
    assert broken.returncode != 0
