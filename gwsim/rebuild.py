"""A whole store made again from its own configuration, in a folder of its own, and held against the original.

The project's own workflow makes it: a folder beside this package has the Snakefile. The work folder has

rebuild.json    what is made there; a folder that says something else is not touched
project/        the workflow, with the store's configuration in place of the default one
run/            where the workflow runs; what the configuration names by relative paths is linked into it
snakemake.log   what it said

Nothing is written into the store.
"""

import dataclasses
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path

import pandas as pd

from gwsim import files, likeness, manifest, origin, store
from gwsim.errors import GwsimError

PROJECT = Path(__file__).parents[1]
MARK, LOG = "rebuild.json", "snakemake.log"
# Of the project, what the workflow is made of. Its config.yaml is the store's own.
PARTS = ("Snakefile", "workflow", "environment.yml", "profiles")
STEPS = re.compile(r"(\d+) of (\d+) steps")
# Fetched files of all runs.
CACHE = "gwosc"


# ---- the work folder


def named_paths(config: dict) -> dict[str, str]:
    """Return the files and folders that a configuration of one experiment names, by their place in it."""
    found, strain = {}, config["strain"]
    if strain["source"] == "files":
        found |= {f"strain.files[{place}]": path for place, path in enumerate(strain["files"])}
    if strain["source"] == "gwosc":
        its = strain.get("gwosc", {})
        found |= {"strain.gwosc.plan": its["plan"]} if its.get("plan") else {}
        mirrors = [one for one in its.get("mirrors", []) if "://" not in one]
        found |= {f"strain.gwosc.mirrors[{place}]": path for place, path in enumerate(mirrors)}
    if strain["source"] == "simulated":
        psd = strain["simulated"]["psd"]
        pairs = psd.items() if isinstance(psd, dict) else [("psd", psd)]
        # Names of known spectra are no paths.
        found |= {f"strain.simulated.psd {key}": name for key, name in pairs if "/" in name or "." in name}
    for name, experiment in config["experiments"].items():
        its, models = experiment["waveforms"], experiment["waveforms"].get("models", {})
        found |= {f"experiments.{name}.waveforms.{key}": its[key] for key in ("path", "table") if key in its}
        stores = {
            f"experiments.{name}.datasets.{key}.store": one for key, one in experiment["datasets"].items()
        }
        found |= {place: one["store"] for place, one in stores.items() if "store" in one}
        specs = models.items() if isinstance(models, dict) else ()
        found |= {
            f"experiments.{name}.waveforms.models.{model}.path": spec["path"]
            for model, spec in specs
            if isinstance(spec, dict) and "path" in spec
        }
    return found


def prepare(work: Path, config: dict, target: str, whose: str, here: Path) -> Path:
    """Make a work folder ready, or take up one that was left; return the folder in which the workflow runs.

    whose: the dataset's name, in words; here: the folder at which relative paths begin.

    Raises GwsimError for a folder of something else, no project, and named files that are not there.
    """
    lacking = [name for name in PARTS[:2] if not (PROJECT / name).exists()]
    if lacking:
        raise GwsimError(
            f"no {', '.join(lacking)} at {PROJECT}: a store is made again by the project's own workflow, "
            "which an installed package lacks. Hint: clone the project, run `python -m gwsim rebuild` from it"
        )
    paths = {place: Path(path) for place, path in named_paths(config).items()}
    missing = [f"{place}: {path}" for place, path in paths.items() if not _expanded(here, path)]
    if missing:
        raise GwsimError(
            f"{whose} needs files that are not there:\n  " + "\n  ".join(missing) + "\nHint: relative paths "
            f"begin at {here}: run from the folder that the store was made in, or put the files there"
        )
    mark = json.dumps({"target": target, "configuration": config}, indent=1)
    if not (work / MARK).is_file() and work.exists() and any(work.iterdir()):
        raise GwsimError(f"{work} is not empty and no work folder of a rebuild: name another one (--work)")
    if (work / MARK).is_file() and (work / MARK).read_text() != mark:
        raise GwsimError(
            f"{work} has the rebuild of another store or configuration: name another one (--work), or "
            "remove it"
        )
    files.write_atomic(work / MARK, mark)
    for name in PARTS:
        if (PROJECT / name).exists():
            _copy(PROJECT / name, work / "project" / name)
    # YAML takes JSON, and the order of its keys stays.
    files.write_atomic(work / "project" / "config.yaml", json.dumps(config, indent=1))
    return _run_folder(work, paths.values(), here)


def _run_folder(work: Path, paths, here: Path) -> Path:
    """Return the folder of the run, into which relative paths are linked; it has room above for `..`."""
    paths = [path for path in paths if not path.is_absolute()]
    above = max((Path(os.path.normpath(path)).parts.count("..") for path in paths), default=0)
    run = work.joinpath("run", *["in"] * above).absolute()
    run.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for one in _expanded(here, path):
            _link(Path(os.path.normpath(run / os.path.relpath(one, here))), one)
    if (here / CACHE).is_dir():
        _link(run / CACHE, here / CACHE)
    return run


def _expanded(here: Path, path: Path) -> list[Path]:
    """Return what a path or pattern speaks of."""
    # Path.glob refuses absolute patterns.
    found = [path] if (here / path).exists() else glob(str(here / path), recursive=True)  # noqa: PTH207
    return [Path(os.path.normpath(here / one)) for one in found]


def _copy(of: Path, at: Path) -> None:
    """Copy a file or folder over what stands there: links would lead Snakemake back to the project."""
    if of.is_file():
        files.write_atomic(at, of.read_bytes())
    else:
        shutil.rmtree(at, ignore_errors=True)
        shutil.copytree(of, at, ignore=shutil.ignore_patterns("__pycache__"))


def _link(at: Path, to: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.is_symlink():
        at.unlink()
    if not at.exists():
        at.symlink_to(to.absolute())


def make(work: Path, run: Path, target: str, cores: int, watch) -> None:
    """Let the workflow make a target, or go on making it; watch is told how many of how many steps are done.

    Raises GwsimError with what the workflow said where it fails.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str((work / "project/Snakefile").absolute())]
    command += [
        "--directory",
        str(run),
        "--cores",
        str(cores),
        "--rerun-incomplete",
        "--nolock",
        "--",
        target,
    ]
    environment = {
        **os.environ,
        # Rules call `gwsim` by its name: it is to be this one.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")])),
    }
    with (work / LOG).open("a", buffering=1) as log, (work / MARK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise GwsimError(f"another rebuild is at work in {work}: wait, or name another folder") from None
        begin = log.tell()
        # The lock goes on to the workflow, which may outlive whoever started it.
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            pass_fds=[lock.fileno()],
        ) as child:
            for line in child.stdout:
                log.write(line)
                if steps := STEPS.search(line):
                    watch(int(steps[1]), int(steps[2]))
    if child.returncode:
        raise GwsimError(
            f"the workflow failed; {work} is kept, and a rebuild with this --work goes on there. It said:\n  "
            + "\n  ".join(_said(work / LOG, begin))
        )


def _said(path: Path, begin: int) -> list[str]:
    """Return what the workflow said of its failure: the errors of a stage, or what follows the first one."""
    # A place in the file is one of bytes, not of characters.
    text = path.read_bytes()[begin:].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("ERROR:")]
    first = next((place for place, line in enumerate(lines) if re.search(r"Error\b", line)), -8)
    return [*(told or lines[first:])[:8], f"all of it: {path}"]


def remove(work: Path) -> None:
    """Remove a work folder, what is linked into it excepted."""
    if (work / MARK).is_file():
        shutil.rmtree(work)


# ---- the comparison


@dataclasses.dataclass
class Found:
    """same: files of the same bytes; others: files that differ; arrays, columns: of those, what is compared.

    faults: what is beyond a step of the stored rounding, or is missing; notes: what else differs, in words.
    """

    same: list[str]
    others: list[str]
    arrays: dict[str, likeness.Likeness]
    columns: dict[str, likeness.Likeness]
    faults: list[str]
    notes: list[str]


def compare(original: Path, made: Path, watch=lambda items, name: items) -> Found:
    """Hold a store against the one that was made again: by its bytes, and where they differ by value.

    watch(items, name) may show how far it is.
    """
    new = manifest.read(made / manifest.MANIFEST)["files"]
    told = manifest.read(original / manifest.MANIFEST)["files"]
    there = {
        name: files.fingerprint(original / name)
        for name in watch(sorted(told), "files")
        if (original / name).is_file()
    }
    same = [name for name, entry in there.items() if new.get(name) == entry]
    found = Found(same, sorted({*told, *new} - set(same)), {}, {}, [], [])
    found.faults += [f"missing: {name}" for name in told if name not in there]
    altered = [name for name, entry in there.items() if entry != told[name]]
    if altered:
        found.notes.append(f"altered since the store was made: {', '.join(altered)}")
    if found.others:
        arrays = {name.split("/")[1] for name in found.others if name.count("/") > 1}
        _compare_arrays(original / "data.zarr", made / "data.zarr", sorted(arrays), found, watch)
        if store.TABLE in there and store.TABLE not in same:
            _compare_tables(original / store.TABLE, made / store.TABLE, found)
        _compare_attributes(original, made, found)
    return found


def _compare_arrays(original: Path, made: Path, names: list[str], found: Found, watch) -> None:
    """Compare arrays some rows at a time; those that are not in both are faults."""
    for name in watch(names, "arrays"):
        if not all((folder / name / "zarr.json").is_file() for folder in (original, made)):
            found.faults.append(
                f"{name}: only in {'the original' if (original / name).exists() else 'the new one'}"
            )
            continue
        try:
            theirs, bits = store.open_array(original / name), store.kept_bits(original / name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            found.faults.append(f"{name} cannot be opened: {str(error)[:200]}")
            continue
        ours = store.open_array(made / name)
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            kinds = [f"{one.dtype.name} {one.shape}" for one in (theirs, ours)]
            found.faults.append(f"{name}: was {kinds[0]}, made again it is {kinds[1]}")
            continue
        step = ours.chunk_layout.write_chunk.shape[0] or 1
        total = likeness.Likeness()
        for first in range(0, ours.shape[0], step):
            rows = slice(first, min(first + step, ours.shape[0]))
            try:
                stored = theirs[rows].read().result()
            except ValueError:
                found.faults.append(f"{name}: rows {rows.start} to {rows.stop - 1} cannot be read")
                continue
            total += likeness.compared(ours[rows].read().result(), stored, bits)
        found.arrays[name] = total
        if total.beyond:
            found.faults.append(f"{name}: {total.words()}")


def _compare_tables(original: Path, made: Path, found: Found) -> None:
    """Compare tables column by column, and say of which rows the values are others."""
    try:
        theirs = pd.read_parquet(original)
    except (OSError, ValueError) as error:
        found.faults.append(f"{original.name} cannot be read: {error}")
        return
    ours = pd.read_parquet(made)
    odd = sorted(set(ours) ^ set(theirs))
    found.faults += [f"column {name}: only in one of the tables" for name in odd]
    if len(ours) != len(theirs):
        found.faults.append(f"{original.name} has {len(theirs)} rows, made again {len(ours)}")
        return
    for name, (like, rows) in likeness.columns(ours, theirs).items():
        found.columns[name] = like
        if like.beyond:
            pairs = (
                f"row {row} has {theirs[name][row]!s}, made again {ours[name][row]!s}" for row in rows[:3]
            )
            more = f", and {len(rows) - 3} more rows" if len(rows) > 3 else ""
            found.faults.append(f"column {name} of {original.name}: {'; '.join(pairs)}{more}")


def _compare_attributes(original: Path, made: Path, found: Found) -> None:
    """Say which attributes differ, and by what code the store was made."""
    theirs, ours = origin.of_store(original), origin.of_store(made)
    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    found.notes += [f"attribute {name} differs" for name in names if name not in origin.CODE]
    lines = origin.code_differs(theirs)
    if lines:
        found.notes.append("another version of the code made it, equality by value is what can be shown:")
        found.notes += [f"  {line}" for line in lines]


def verdict(found: Found) -> str:
    """Return in words what a comparison without faults has proved."""
    if not found.others:
        return f"the same bytes, {len(found.same)} files"
    told = [*found.arrays.items(), *((f"column {name}", one) for name, one in found.columns.items())]
    unlike = [f"  {name}: {one.words()}" for name, one in told if not one.same]
    differ = f"{len(found.same)} files of the same bytes, {len(found.others)} of others"
    if not unlike:
        return f"the same values in all arrays and columns ({differ}: {', '.join(found.others)})"
    return f"equal within one step of the stored rounding ({differ}):\n" + "\n".join(unlike)
