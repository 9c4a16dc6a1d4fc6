"""The workflow over strain fetched from a server on this machine: planned, locked, killed, repeated."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from gwosc_server import Server, write_strain

from gwsim import manifest

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
GPS, BLOCK, BLOCKS = 1238236160, 64, 4
IFOS = ("H1", "L1")
END = GPS + BLOCK * BLOCKS
STRAIN, NOISE = "results/strain/o3", "results/noise/o3/manifest.json"
# L1 has no data in the third block, so that nothing of it is needed.
WITHOUT = [GPS + 2 * BLOCK, GPS + 3 * BLOCK]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The strain files of both ifos."""
    folder = tmp_path_factory.mktemp("archive")
    starts = range(GPS, END, BLOCK)
    return [write_strain(folder, ifo, start, BLOCK) for ifo in IFOS for start in starts]


@pytest.fixture
def site(archive):
    with Server() as server:
        server.runs["O3a"] = {"gps_start": 1238166018, "gps_end": 1253977218, "detectors": list(IFOS)}
        for ifo in IFOS:
            good = [[GPS, WITHOUT[0]], [WITHOUT[1], END]] if ifo == "L1" else [[GPS, END]]
            for flag in ("DATA", "CBC_CAT1", "NO_CBC_HW_INJ"):
                server.flags[f"{ifo}_{flag}"] = good
        for path in archive:
            server.add(path)
        yield server


def configured(folder, host, **gwosc):
    overlay = {
        "run": "o3",
        "ifos": list(IFOS),
        "strain": {"source": "gwosc", "block": BLOCK, "gwosc": {"runs": ["O3a"], "host": host, **gwosc}},
        "segments": {
            "splits": {"train": [[GPS, END]], "validation": None, "test": None},
            "flags": ["DATA", "CBC_CAT1"],
            "injections": ["NO_CBC_HW_INJ"],
            "events": "known",
        },
        "noise": {"stretch": 32, "stretch_min": 16, "psd_segment": 2, "filter": 1},
        "experiments": {"ccsn": None, "cbc": None, "glitch": None, "chirp_blip": None},
    }
    folder.mkdir(exist_ok=True)
    path = folder / "o3.yaml"
    path.write_text(yaml.safe_dump(overlay))
    return path


def command(folder, *arguments, targets=()):
    start = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(ROOT / "Snakefile")]
    start += ["--directory", str(folder), "--cores", "2", "--set-resources", "fetch:patience=2", *arguments]
    return [*start, "--configfile", str(folder / "o3.yaml")]


def snakemake(folder, *arguments, targets=()):
    return subprocess.run(
        command(folder, *arguments, targets=targets), capture_output=True, text=True, env=ENVIRONMENT
    )


def downloads(site):
    return [path for path, _ in site.requests if path.startswith("/archive/")]


def test_fetched_strain_is_whitened_like_local_files_and_the_lock_does_without_the_site(
    site, archive, tmp_path
):
    folder = tmp_path / "fetched"
    configured(folder, site.url)
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(downloads(site)) == 2 * (BLOCKS - 1) == len(set(downloads(site)))
    assert not any(str(WITHOUT[0]) in path for path in downloads(site))
    manifest.verify(folder / "results/noise/o3")

    site.requests.clear()
    again = snakemake(folder)
    assert "Nothing to be done" in again.stdout + again.stderr and site.requests == []

    lock = json.loads((folder / STRAIN / "lock.json").read_text())
    assert len(lock["files"]) == 2 * (BLOCKS - 1)
    assert all(len(file["sha256"]) == 64 and file["bytes"] for file in lock["files"])

    # Local files, the same ones: the same noise store, but for the block that was never fetched.
    local = tmp_path / "local"
    content = yaml.safe_load((folder / "o3.yaml").read_text())
    fetched = sorted(str(path) for path in (folder / "gwosc").rglob("*.hdf5"))
    content["strain"] = {"source": "files", "block": BLOCK, "files": fetched}
    local.mkdir()
    (local / "o3.yaml").write_text(yaml.safe_dump(content))
    run = snakemake(local)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (local / NOISE).read_bytes() == (folder / NOISE).read_bytes()

    # The lock named, another host: nothing runs again but the comparison with it.
    shutil.copy(folder / STRAIN / "lock.json", tmp_path)
    configured(folder, "http://127.0.0.1:9", plan=str(tmp_path / "lock.json"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert rules_run(run) <= {"settings", "lock", "all"}
    lock["files"][0]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(lock))
    configured(folder, "http://127.0.0.1:9", plan=str(tmp_path / "other.json"))
    run = snakemake(folder)
    assert run.returncode != 0 and "is not that of" in run.stderr and "other bytes: H-H1" in run.stderr

    # A second group: the lock, and a mirror; no question to any site.
    second = tmp_path / "second"
    named = {"plan": str(tmp_path / "lock.json"), "mirrors": [str(folder / "gwosc")]}
    configured(second, "http://127.0.0.1:9", **named)
    run = snakemake(second)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (second / NOISE).read_bytes() == (folder / NOISE).read_bytes()
    assert not (second / "gwosc").exists()


def rules_run(run):
    """Return the rules in Snakemake's table of jobs."""
    return set(re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.MULTILINE)) - {"total"}


def test_files_that_are_gone_or_others_are_told_and_fetched_anew(site, archive, tmp_path):
    folder = tmp_path / "run"
    configured(folder, site.url)
    record = f"{STRAIN}/H1-{GPS}.json"
    assert snakemake(folder, targets=[record]).returncode == 0
    (path,) = (folder / "gwosc").rglob(f"H-*-{GPS}-*.hdf5")
    other = write_strain(tmp_path, "H1", GPS, BLOCK, seed=1)
    for spoil in (path.unlink, lambda: shutil.copy(other, path)):
        spoil()
        (folder / record).unlink()
        run = snakemake(folder, targets=[record])
        told = run.stdout + run.stderr
        receipt = f"{STRAIN}/fetched/H1-{GPS}.json"
        assert run.returncode != 0 and str(path.relative_to(folder)) in told
        assert f"Hint: remove them, if they are there, and {receipt}, and run again" in told
        (folder / receipt).unlink()
        path.unlink(missing_ok=True)
        assert snakemake(folder, targets=[record]).returncode == 0
        assert path.read_bytes() == archive[0].read_bytes()


def test_other_flags_plan_again_and_fetch_only_what_is_new(site, tmp_path):
    folder = tmp_path / "run"
    path = configured(folder, site.url)
    site.flags["L1_CBC_CAT1"] = [[GPS, WITHOUT[0]]]
    run = snakemake(folder, targets=[f"{STRAIN}/lock.json"])
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(downloads(site)) == 4
    content = yaml.safe_load(path.read_text())
    content["segments"]["flags"] = ["DATA"]
    path.write_text(yaml.safe_dump(content))
    run = snakemake(folder, targets=[f"{STRAIN}/lock.json"])
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(downloads(site)) == 6 == len(set(downloads(site)))


def test_a_file_that_is_not_the_locks_is_refused_by_name(site, tmp_path):
    folder = tmp_path / "run"
    configured(folder, site.url)
    target = [f"{STRAIN}/lock.json"]
    assert snakemake(folder, targets=target).returncode == 0
    lock = json.loads((folder / STRAIN / "lock.json").read_text())
    row = lock["files"][3]
    row["sha256"] = "0" * 64
    (tmp_path / "lock.json").write_text(json.dumps(lock))
    other = tmp_path / "other"
    configured(other, site.url, plan=str(tmp_path / "lock.json"))
    run = snakemake(other, "--keep-going", targets=[f"{STRAIN}/fetched/{row['ifo']}-{row['start']}.json"])
    assert run.returncode != 0
    told = run.stdout + run.stderr
    assert "not what the lock says" in told and Path(row["path"]).name in told
    assert list((other / "gwosc").rglob("*.hdf5")) == []


def test_killed_while_it_fetches_it_goes_on_where_it_was(site, archive, tmp_path):
    folder = tmp_path / "run"
    configured(folder, site.url)
    target = [f"{STRAIN}/lock.json"]
    site.rate = 1.5e6  # bytes/s: two seconds a file
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    started = subprocess.Popen(command(folder, targets=target), env=ENVIRONMENT, **silent)
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(
        part.stat().st_size > 500_000 for part in folder.glob("gwosc/**/*.part")
    ):
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    begun = {path.name.removesuffix(".part"): path.stat().st_size for path in folder.glob("gwosc/**/*.part")}
    assert begun
    site.rate = None
    site.requests.clear()
    snakemake(folder, "--unlock")
    run = snakemake(folder, targets=target)
    assert run.returncode == 0, run.stdout + run.stderr
    resumed = {Path(path).name: headers["Range"] for path, headers in site.requests if "Range" in headers}
    assert resumed == {name: f"bytes={size}-" for name, size in begun.items()}
    originals = {path.name: path.read_bytes() for path in archive}
    for path in (folder / "gwosc").rglob("*.hdf5"):
        assert path.read_bytes() == originals[path.name]
    assert list((folder / "gwosc").rglob("*.part*")) == []


def test_a_login_page_instead_of_answers_is_told(site, tmp_path):
    folder = tmp_path / "run"
    configured(folder, site.url)
    site.fault("/archive/", "login", times=None)
    run = snakemake(folder, targets=[f"{STRAIN}/fetched/H1-{GPS}.json"])
    assert run.returncode != 0
    told = run.stdout + run.stderr
    assert "login" in told and f"-{GPS}-{BLOCK}.hdf5" in told
    assert list((folder / "gwosc").rglob("*.hdf5")) == []


def test_the_plan_is_told_beforehand_and_nothing_is_downloaded(site, tmp_path):
    configured(tmp_path, site.url)
    run = subprocess.run(
        [sys.executable, "-m", "gwsim", "strain", "--plan", str(ROOT / "config.yaml"), "o3.yaml"],
        capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert downloads(site) == [] and sorted(path.name for path in tmp_path.iterdir()) == ["o3.yaml"]
    rows = [line.split() for line in run.stdout.splitlines()]
    assert ["all", "6"] in [row[:2] for row in rows]
    # Six files of 64 s.
    assert "0.11" in next(row for row in rows if row[:2] == ["all", "6"])
