"""The command line: help is quick, faults are one line, a full disk loses nothing that is whole."""

import argparse
import contextlib
import fcntl
import importlib
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gwsim import __version__, command, manifest, store
from gwsim.errors import GwsimError
from gwsim.waveforms import sources

ROOT = Path(__file__).parents[1]
HEAVY = ("numpy", "scipy", "torch", "pandas", "zarr", "tensorstore", "lal", "pycbc", "yaml", "jsonschema")


def python(*arguments, **environment):
    """Run Python in the repository; without check."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    )


def gwsim(capsys, *arguments):
    """Run a verb here; return its exit status and what it printed."""
    status = 0
    try:
        command.main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out, err


# Help

HELP = """
import contextlib, io, json, sys
from gwsim import command
texts = {}
for verb in ("", *command.VERBS):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        command.main([verb, "--help"] if verb else ["--help"])
    texts[verb] = out.getvalue()
print(json.dumps([texts, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture(scope="module")
def helped():
    ran = python("-c", HELP)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_help_imports_nothing_heavy(helped):
    assert "argparse" in helped[1]
    assert [name for name in HEAVY if name in helped[1]] == []


@pytest.mark.parametrize("verb", command.VERBS)
def test_every_verb_has_help(helped, verb):
    texts = helped[0]
    module = importlib.import_module(f"gwsim.cli.{verb}")
    assert module.SUMMARY in " ".join(texts[verb].split()) and f"gwsim {verb} " in texts[verb]
    assert module.SUMMARY in " ".join(texts[""].split())
    parser = argparse.ArgumentParser()
    module.arguments(parser)
    assert [action.dest for action in parser._actions if not action.help and not action.choices] == []


def test_every_file_of_a_verb_is_a_verb():
    files = {path.stem for path in (ROOT / "gwsim" / "cli").glob("*.py")}
    assert files - {"__init__", "progress", "memory", "row"} == set(command.VERBS)


def test_the_version_is_the_packages(capsys):
    assert gwsim(capsys, "--version")[:2] == (0, f"gwsim {__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("verfy",), ("verify",), ("verify", "a", "--odd")])
def test_what_is_no_command_is_refused_with_the_usage(capsys, arguments):
    status, out, err = gwsim(capsys, *arguments)
    assert status == 2 and not out and err.startswith("usage: gwsim")


def test_the_module_runs_as_the_command():
    ran = python("-m", "gwsim", "--version")
    assert (ran.returncode, ran.stdout) == (0, f"gwsim {__version__}\n")


# Errors


def test_a_fault_of_the_user_is_one_line_and_status_2(tmp_path):
    ran = python("-m", "gwsim", "verify", tmp_path / "nowhere")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"ERROR: nothing stands at {tmp_path / 'nowhere'}\n"


def test_a_fault_of_ours_keeps_its_traceback(tmp_path):
    ran = python("-m", "gwsim", "settings", tmp_path / "out.json", "{no json")
    assert ran.returncode == 1 and "Traceback" in ran.stderr and "JSONDecodeError" in ran.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (GwsimError("it is so"), "ERROR: it is so\n"),
        (OSError(28, "No space left on device"), "ERROR: cannot write: [Errno 28] No space left on device"),
        (OSError(122, "quota"), "ERROR: cannot write: "),
        (OSError(27, "large"), "ERROR: cannot write: "),
        (ValueError("RESOURCE_EXHAUSTED: Error writing"), "ERROR: cannot write: RESOURCE_EXHAUSTED"),
        (RuntimeError("HDF5: No space left on device"), "ERROR: cannot write: HDF5"),
        (OSError(13, "Permission denied"), None),
        (ValueError("odd"), None),
        (KeyError("odd"), None),
    ],
)
def test_errors_that_a_user_can_mend_are_told_and_others_raised(capsys, monkeypatch, error, message):
    from gwsim.cli import check

    def fail(_):
        raise error

    monkeypatch.setattr(check, "run", fail)
    if message is None:
        with pytest.raises(type(error)):
            command.main(["check", "x"])
        return
    status, out, err = gwsim(capsys, "check", "x")
    assert status == 2 and not out and err.startswith(message)


def test_the_stranger_of_the_same_name_is_refused(tmp_path):
    info = tmp_path / "gwsim-0.4.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gwsim\nVersion: 0.4.2\n")
    ran = python("-m", "gwsim", "check", "config.yaml", PYTHONPATH=str(tmp_path))
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert ran.stderr.startswith("ERROR: an unrelated package called gwsim (0.4.2) is installed here")
    assert "pip uninstall gwsim gwsim-pipeline" in ran.stderr


# check, settings


def test_check_says_yes(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert gwsim(capsys, "check", "config.yaml") == (0, "config.yaml: in order\n", "")
    status, out, _ = gwsim(capsys, "check", "config.yaml", "workflow/configs/tiny.yaml")
    assert (status, out) == (0, "config.yaml, workflow/configs/tiny.yaml: in order\n")


def test_check_says_what_is_wrong(capsys, tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("sedd: 1\nband: [20]\n")
    status, out, err = gwsim(capsys, "check", ROOT / "config.yaml", overlay)
    assert status == 2 and not out
    assert err.splitlines()[0] == "ERROR: the configuration has 2 faults:" and "did you mean 'seed'?" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "cannot read {}: while parsing"),
        (b"a: \xff\xfe", "cannot read {}: "),
        (b"- 1\n", "{}: got list, expected a mapping of settings"),
        (b"", "{}: got NoneType, expected a mapping of settings"),
        (None, "cannot read {}: [Errno 2] No such file"),
    ],
)
def test_check_says_which_file_is_none(capsys, tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    status, _, err = gwsim(capsys, "check", ROOT / "config.yaml", path)
    assert status == 2 and err.startswith("ERROR: " + message.format(path))


def test_settings_keep_their_order(capsys, tmp_path):
    path = tmp_path / "deep" / "out.json"
    assert gwsim(capsys, "settings", path, '{"b": 1, "a": [1.5]}')[0] == 0
    assert list(json.loads(path.read_bytes()).items()) == [("b", 1), ("a", [1.5])]


# verify and inspect, over a small store


@pytest.fixture
def dataset(tmp_path):
    """A finished store of 8 rows in shards of 4, with a table beside it."""
    strain = store.Array(
        "strain", ("sample", "ifo", "time"), (8, 2, 16), 4, (2, 16), "float32", {"units": "1"}
    )
    store.create(tmp_path, [strain])
    ranges = [(0, 4), (4, 8)]
    values = np.random.default_rng(0).normal(size=(4, 2, 16)).astype(np.float32)
    list(store.write_shards(tmp_path, (0, 1), ranges, str, lambda _: ({"strain": values}, None)))
    table = pd.DataFrame({"label": np.arange(8) % 2})
    table["snr"] = np.where(table["label"], 20.0 + np.arange(8), np.nan)
    table["distance_kpc"] = table["snr"] / 10
    store.write_table(tmp_path / "table.parquet", table)
    label = {"dims": ("sample",), "values": table["label"].to_numpy(np.int32), "attributes": {"units": "1"}}
    attributes = {"title": "a demo", "classes": ["noise", "s18"], "seed": 7, "licence": "CC0-1.0"}
    manifest.finalise(
        tmp_path,
        manifest.whole_records(tmp_path, ranges),
        {"label": label},
        attributes,
        {},
        beside=("table.parquet",),
    )
    return tmp_path


@pytest.mark.parametrize("name", ["", "data.zarr", "manifest.json"])
def test_verify_proves_a_store(capsys, dataset, name):
    status, out, err = gwsim(capsys, "verify", dataset / name)
    assert (status, err) == (0, "") and out.endswith(": whole and unaltered, 7 files, 8 rows\n")


def test_verify_says_what_is_wrong(capsys, dataset):
    path = dataset / "data.zarr/strain/c/1/0/0"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    status, out, err = gwsim(capsys, "verify", dataset)
    assert status == 2 and not out and "altered: data.zarr/strain/c/1/0/0 (rows 4 to 7)" in err


def test_verify_says_how_far_a_store_is(capsys, dataset):
    (dataset / "manifest.json").unlink()
    status, _, err = gwsim(capsys, "verify", dataset / "data.zarr")
    assert status == 2 and err.startswith("ERROR: INCOMPLETE: ") and "2 of 2 shards" in err


def test_inspect_says_what_is_in_a_store_without_its_arrays(capsys, dataset):
    status, whole, err = gwsim(capsys, "inspect", dataset)
    assert (status, err) == (0, "")
    for line in (
        r"a demo: 2 shards, 0.0 MiB",
        "  strain       (sample 8, ifo 2, time 16) float32, 1",
        "  and 1 coordinates and columns",
        "  seed: 7",
        "noise               4",
        # Of 21, 23, 25, 27 the 5 %, 50 % and 95 % quantiles, and the median distance.
        "s18                 4     21.30     24.00     26.70      2.40",
    ):
        assert line in whole.splitlines()
    for path in [*dataset.rglob("c/*/0/0"), dataset / "data.zarr/label/c/0"]:
        path.unlink()
    assert not list(dataset.rglob("c/*/0/0"))
    assert gwsim(capsys, "inspect", dataset / "data.zarr") == (0, whole, "")


def test_inspect_of_a_store_not_finished_says_what_to_do(capsys, dataset):
    (dataset / "manifest.json").unlink()
    status, _, err = gwsim(capsys, "inspect", dataset)
    assert status == 2 and "holds no finished store; `gwsim verify" in err


# A full disk: no file may grow beyond a limit

LIMITED = """
import resource, signal, sys
from gwsim import command
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
command.main(sys.argv[2:])
"""


@pytest.fixture
def bank_of_two(tmp_path):
    """Arguments of layout and waveforms for a bank of one shard."""
    (tmp_path / "settings.json").write_text(
        json.dumps(
            {
                "source": "ccsn",
                "seconds": 0.5,
                "sample_rate": 1024,
                "models": {"s18": "surrogate", "m39": "surrogate"},
            }
        )
    )
    systems = pd.DataFrame({"model": ["s18", "m39"], "realisation": [-1, -1]})
    store.write_table(tmp_path / "systems.parquet", systems)
    layout = tmp_path / "bank" / "shards.zarr" / "zarr.json"
    record = tmp_path / "bank" / "parts" / "0-0.json"
    common = ["--settings", tmp_path / "settings.json", "--systems", tmp_path / "systems.parquet"]
    return {
        "layout": ["waveforms_layout", layout, *common],
        "waveforms": ["waveforms", *common, "--layout", layout, "--part", "0-0", "--record", record],
        "finalise": ["waveforms_finalise", layout, *common],
        "settings": ["settings", tmp_path / "more.json", json.dumps(list(range(1000)))],
    }


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("verb", "limit"),
    [
        ("settings", 100),
        ("layout", 300),
        ("waveforms", 3000),
        ("waveforms", 200),
        ("finalise", 500),
        # Its table of systems fits, the store's metadata does not.
        ("finalise", 2000),
    ],
)
def test_a_full_disk_is_told_and_what_is_whole_is_kept(capsys, tmp_path, bank_of_two, verb, limit):
    for earlier in ("layout", "waveforms"):
        if verb in ("settings", earlier):
            break
        assert gwsim(capsys, *bank_of_two[earlier])[0] == 0
    before = files(tmp_path)
    ran = python("-c", LIMITED, limit, *bank_of_two[verb])
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert "ERROR: cannot write: " in ran.stderr and "Make room and run again; what is whole" in ran.stderr
    assert files(tmp_path).items() >= before.items()
    # Nothing half made stands under a name that a later stage reads, and the same command then succeeds.
    more = set(files(tmp_path)) - set(before)
    assert not [
        path for path in more if path.name in ("more.json", "manifest.json", "00000.json", "0-0.json")
    ]
    assert gwsim(capsys, *bank_of_two[verb])[0] == 0


def test_a_bank_comes_out_of_it_whole(capsys, tmp_path, bank_of_two):
    for verb in ("layout", "waveforms", "finalise"):
        assert gwsim(capsys, *bank_of_two[verb])[0] == 0
    assert gwsim(capsys, "verify", tmp_path / "bank")[1].endswith("2 rows\n")
    status, out, _ = gwsim(capsys, "inspect", tmp_path / "bank")
    assert status == 0 and "quadrupole   (system 2, component 5, time 512) float32, cm" in out
    entry = sources.opened(tmp_path / "bank" / "data.zarr").entries(np.array([1]))[0]
    assert entry.shape == (5, 512) and np.abs(entry).max() > 0


BAR = "from gwsim.cli.progress import progress; list(progress(range(3), 'verify'))"


def test_progress_is_a_bar_in_a_terminal():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", BAR])
    # A new terminal has no columns, and nothing is drawn on those.
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    shown = b""
    # Reading a terminal whose other end has closed is an error.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 4096):
            shown += part
    os.waitpid(pid, 0)
    assert b"verify: 100%" in shown and b"3/3" in shown


def test_progress_is_silent_or_lines_elsewhere():
    quiet = subprocess.run([sys.executable, "-c", BAR], capture_output=True, text=True)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    often = "import gwsim.cli.progress as p; p.SECONDS_BETWEEN_LINES = -1; "
    slow = often + BAR
    lines = subprocess.run([sys.executable, "-c", slow], capture_output=True, text=True)
    assert lines.stderr == "verify: 1 of 3\nverify: 2 of 3\nverify: 3 of 3\n"
