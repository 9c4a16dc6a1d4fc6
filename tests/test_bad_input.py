"""Bad input and full disks, through the command line and the workflow: one clear error, nothing whole lost.

Verbs run in processes of their own, as the workflow runs them, over a dataset of seconds. A fault that a user
can mend ends with status 2 and a message that says what, the value got, what was expected, where, and a hint.
"""

import copy
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from gwsim import command as gwsim_command
from gwsim import configuration, stages
from gwsim.strain import gwosc_layout
from gwsim.waveforms import ccsn
from gwsim.waveforms.ccsn_files import Moments

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
IFOS, RATE, GPS, BLOCK = ("H1", "L1"), 1024, 1238236160, 16
OVERLAY = {
    "run": "mini",
    "ifos": list(IFOS),
    "sample_rate": RATE,
    "band": [20, 400],
    "strain": {"block": BLOCK, "simulated": {"gaps_per_day": 0, "failed_bits_per_day": 0}},
    "segments": {
        "splits": {"train": [[GPS, GPS + 2 * BLOCK]], "validation": None, "test": None},
        "guard": 1,
    },
    "noise": {"stretch": BLOCK, "stretch_min": 8, "psd_segment": 1, "filter": 0.5},
    "experiments": {
        "ccsn": {
            "duration": 0.5,
            "waveforms": {
                "seconds": 0.625,
                "models": dict.fromkeys(DEFAULT["experiments"]["ccsn"]["waveforms"]["models"]),
            },
            "render": {"spectrogram": {"window": 64, "hop": 32, "f_max": 400}, "shard_mib": 0.001},
            "datasets": {"train": {"examples": 100}, "validation": None, "test": None, "gallery": None},
            "networks": None,
        },
        "cbc": None,
        "glitch": None,
        "chirp_blip": None,
    },
}
OVERLAY["experiments"]["ccsn"]["waveforms"]["models"]["s18"] = "surrogate"
TRAIN = "results/ccsn/train"
NOISE = "results/noise/mini"


def gwsim(folder, *arguments, limit=None):
    """Run a verb in a folder, where no file may grow beyond a limit in bytes: a full disk."""
    size = (limit, resource.RLIM_INFINITY)
    return subprocess.run(
        [sys.executable, "-m", "gwsim", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        # Manifests hold the git revision, and somebody may commit while this runs.
        env={**os.environ, "GIT_DIR": os.devnull},
        preexec_fn=limit and partial(resource.setrlimit, resource.RLIMIT_FSIZE, size),
    )


def assert_refused(run, *words):
    """The run ended with one error that a user can mend, in which these words stand in this order."""
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr and run.stderr.count("ERROR: ") == 1
    assert run.stderr.startswith("ERROR: ")
    assert re.search(".*".join(map(re.escape, words)), run.stderr, re.DOTALL), run.stderr


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def config(change=None):
    return configuration.pruned(configuration.overlay(configuration.overlay(DEFAULT, OVERLAY), change or {}))


def lay(folder, change=None):
    """Put the settings of all stages where the workflow puts them."""
    for name, content in stages.settings(config(change)).items():
        path = folder / "results" / "config" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def strain_command(ifo, gps):
    settings, record = "results/config/strain/mini.json", f"results/strain/mini/{ifo}-{gps}.json"
    return ["strain", "--settings", settings, "--ifo", ifo, "--gps", gps, "--record", record]


def noise_command(gps):
    return [
        *("noise", "--settings", "results/config/noise/mini.json", "--segments", "segments.json"),
        *("--records", *(f"results/strain/mini/{ifo}-{gps}.json" for ifo in IFOS)),
        *("--layout", f"{NOISE}/shards.zarr/zarr.json", "--gps", gps, "--part", f"{NOISE}/parts/{gps}.json"),
    ]


def render_command(part):
    return [
        *(
            "render",
            "--settings",
            "results/config/ccsn/train/render.json",
            "--table",
            f"{TRAIN}/draw.parquet",
        ),
        *("--noise", f"{NOISE}/manifest.json", "--bank", f"{TRAIN}/bank/manifest.json"),
        *(
            "--layout",
            f"{TRAIN}/shards.zarr/zarr.json",
            "--part",
            part,
            "--record",
            f"{TRAIN}/parts/{part}.json",
        ),
    ]


DRAW = [
    *("draw", "--settings", "results/config/ccsn/train/draw.json", "--segments", "segments.json"),
    *("--systems", f"{TRAIN}/systems.parquet", "--table", f"{TRAIN}/draw.parquet"),
]
SEGMENTS = [
    *("segments", "--settings", "results/config/segments.json", "--output", "segments.json"),
    *(f"results/strain/mini/{ifo}-{gps}.json" for ifo in IFOS for gps in (GPS, GPS + BLOCK)),
]
OF_NOISE = ["--settings", "results/config/noise/mini.json", "--segments", "segments.json"]
OF_BANK = ["--settings", "results/config/ccsn/train/waveforms.json", "--systems", f"{TRAIN}/systems.parquet"]
OF_TRAIN = ["--settings", "results/config/ccsn/train/render.json"]
NOISE_LAYOUT = ["noise_layout", f"{NOISE}/shards.zarr/zarr.json", *OF_NOISE]
NOISE_FINALISE = ["noise_finalise", f"{NOISE}/shards.zarr/zarr.json", *OF_NOISE]
FINALISE = [
    *("finalise", f"{TRAIN}/shards.zarr/zarr.json", *OF_TRAIN, "--table", f"{TRAIN}/draw.parquet"),
    *("--noise", f"{NOISE}/manifest.json", "--card", "results/config/ccsn/train/card.json"),
    *("--systems", f"{TRAIN}/bank/systems.parquet"),
]
# Every command of the small dataset, in the workflow's order.
CHAIN = [
    *(strain_command(ifo, gps) for ifo in IFOS for gps in (GPS, GPS + BLOCK)),
    SEGMENTS,
    NOISE_LAYOUT,
    noise_command(GPS),
    noise_command(GPS + BLOCK),
    NOISE_FINALISE,
    DRAW,
    ["waveforms_layout", f"{TRAIN}/bank/shards.zarr/zarr.json", *OF_BANK],
    [
        *("waveforms", *OF_BANK, "--layout", f"{TRAIN}/bank/shards.zarr/zarr.json"),
        *("--part", "0-0", "--record", f"{TRAIN}/bank/parts/0-0.json"),
    ],
    ["waveforms_finalise", f"{TRAIN}/bank/shards.zarr/zarr.json", *OF_BANK],
    ["layout", f"{TRAIN}/shards.zarr/zarr.json", *OF_TRAIN],
    render_command("0-0"),
    render_command("1-1"),
    FINALISE,
]


def go(folder, command):
    run = gwsim(folder, *command)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A folder in which every command has run, once, with room enough."""
    folder = tmp_path_factory.mktemp("undisturbed")
    lay(folder)
    for command in CHAIN:
        go(folder, command)
    return folder


# A full disk


def whole(folder):
    """Return the files that later stages trust: strain with records, shards with records, manifests."""
    trusted = ("strain/mini", "records", "shards.zarr", "data.zarr", "manifest.json", "parquet", "parts")
    return {
        path: content for path, content in files(folder).items() if any(name in str(path) for name in trusted)
    }


# The commands that meet a full disk, how large a file may grow (B) at the least and between the files that it
# writes, and what it makes.
FULL = {
    "strain": (strain_command("L1", GPS), [100, 60_000, 140_000], ["strain/mini/L*1238236160*"]),
    "noise": (
        noise_command(GPS + BLOCK),
        [100, 20_000, 100_000],
        ["noise/mini/records/00001*", "noise/mini/*/*/c/1", f"noise/mini/parts/{GPS + BLOCK}.json"],
    ),
    "finish the noise": (NOISE_FINALISE, [1_500], ["noise/mini/data.zarr", "noise/mini/manifest.json"]),
    "render": (
        render_command("1-1"),
        [100, 10_000, 83_000],
        ["ccsn/train/records/00001*", "ccsn/train/shards.zarr/*/c/1", "ccsn/train/parts/1-1.json"],
    ),
    "finish": (
        FINALISE,
        [100, 3_000, 30_000],
        ["ccsn/train/data.zarr", "ccsn/train/manifest.json", "ccsn/train/table.parquet"],
    ),
}


def test_a_full_disk_is_told_loses_nothing_and_is_taken_up_again(undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    for _, _, products in FULL.values():
        for product in [path for pattern in products for path in (tmp_path / "results").glob(pattern)]:
            shutil.rmtree(product) if product.is_dir() else product.unlink()
    for name, (command, limits, _) in FULL.items():
        for limit in limits:
            before = whole(tmp_path)
            run = gwsim(tmp_path, *command, limit=limit)
            assert run.returncode == 2, f"{name} with {limit} B: {run.stderr}"
            assert_refused(run, "cannot write: ", "Make room and run again; what is whole is kept")
            after = whole(tmp_path)
            assert before.items() <= after.items(), (name, limit)
            assert not [path for path in after if path.name == "manifest.json" and path not in before]
        go(tmp_path, command)
    made, expected = files(tmp_path), files(undisturbed)
    assert set(made) == set(expected)
    assert [path for path in expected if made[path] != expected[path]] == []
    for store in (NOISE, TRAIN):
        go(tmp_path, ["verify", store])


def test_a_disk_full_at_finishing_again_says_how_far_the_store_is(undisturbed, tmp_path):
    """A finished store that is finished anew is whole before, incomplete at worst, and whole after."""
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    for limit in (100, 3_000, 20_000):
        assert_refused(gwsim(tmp_path, *FINALISE, limit=limit), "cannot write: ")
        run = gwsim(tmp_path, "verify", TRAIN)
        assert run.returncode == 0 or "2 of 2 shards and no manifest; run again" in run.stderr
    go(tmp_path, FINALISE)
    assert files(tmp_path)[Path(TRAIN, "manifest.json")] == files(undisturbed)[Path(TRAIN, "manifest.json")]


# Strain


def write_strain(folder, ifo="H1", rate=RATE, name=None, start=GPS, seconds=BLOCK):
    path = folder / (name or f"{ifo[0]}-{ifo}_TEST-{start}-{seconds}.hdf5")
    strain = 1e-21 * np.random.default_rng(3).normal(size=rate * seconds)
    good = [np.full(seconds, value, np.uint32) for value in (127, 31)]
    gwosc_layout.write(path, ifo, start, strain, *good, rate, "a test")
    return path


def cut(path):
    path.write_bytes(path.read_bytes()[:5000])


def scramble(path):
    content = bytearray(path.read_bytes())
    content[200:2000] = bytes(1800)
    path.write_bytes(content)


BAD_STRAIN = [
    (write_strain, cut, "H-H1_TEST-1238236160-16.hdf5: corrupt, truncated or no HDF5 file"),
    (write_strain, scramble, "H-H1_TEST-1238236160-16.hdf5: ", "corrupt"),
    (write_strain, lambda path: path.write_text("hello"), "corrupt, truncated or no HDF5 file"),
    (write_strain, lambda path: path.write_bytes(b""), "an empty file, expected an HDF5 file"),
    (
        partial(write_strain, rate=512),
        None,
        "strain at 512 Hz, expected 1024 Hz or more (sample_rate; files are never up-sampled)",
    ),
    (partial(write_strain, ifo="L1"), None, "no strain of H1 among the 1 files given, which are of L1"),
    (
        partial(write_strain, name="H-H1_TEST-1238236160-32.hdf5"),
        None,
        "its name says 32 s from 1238236160, it holds",
    ),
    (
        partial(write_strain, name="strain.dat"),
        None,
        "strain.dat: suffix '.dat', expected one of .hdf5, .h5, .hdf, .gwf, .txt, .txt.gz, .csv",
    ),
    (
        lambda folder: (folder / "deep").mkdir(),
        None,
        "got a folder, ",
        "deep, expected files. Hint: ",
        "deep/*.hdf5",
    ),
    (lambda folder: None, None, "no file of strain matches strain/*. Hint: ", "paths start at the folder"),
]


@pytest.mark.parametrize(("make", "spoil", "words"), [(m, s, w) for m, s, *w in BAD_STRAIN])
def test_bad_strain_is_refused(tmp_path, make, spoil, words):
    (tmp_path / "strain").mkdir()
    path = make(tmp_path / "strain")
    if spoil:
        spoil(path)
    lay(tmp_path, {"strain": {"source": "files", "files": ["strain/*"]}})
    assert_refused(gwsim(tmp_path, *strain_command("H1", GPS)), *words)
    assert not (tmp_path / "results/strain").exists()


def test_a_real_file_at_a_higher_rate_is_resampled(shared_data, tmp_path):
    path = shared_data / "strain/gwf/L-L1_GWOSC_16KHZ_R1-1240215487-32.gwf"
    lay(tmp_path, {"strain": {"source": "files", "files": [str(path)]}})
    go(tmp_path, strain_command("L1", 1240215488))
    record = json.loads((tmp_path / "results/strain/mini/L1-1240215488.json").read_text())
    assert record["finite"] == [[1240215488, 1240215488 + BLOCK]]
    assert (record["sample_rate"], record["files"][0]["sample_rate"]) == (1024, 16384)


def test_strain_altered_after_its_record_was_made_is_refused(undisturbed, tmp_path):
    for name in ("config", "strain"):
        shutil.copytree(undisturbed / "results" / name, tmp_path / "results" / name)
    shutil.copy(undisturbed / "segments.json", tmp_path)
    go(tmp_path, NOISE_LAYOUT)
    (record,) = (tmp_path / "results/strain/mini").glob(f"H1-{GPS}.json")
    (entry,) = json.loads(record.read_text())["files"]
    path = tmp_path / entry["path"]
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    hint = f"Hint: remove what names them (H1-{GPS}.json in the run's folder under results/strain)"
    run = gwsim(tmp_path, *noise_command(GPS))
    assert_refused(run, "files of strain are not those recorded", entry["path"], "its sha256 is not", hint)
    assert not list((tmp_path / NOISE).glob("records/*")) and not list((tmp_path / NOISE).glob("parts/*"))
    path.write_bytes(content)
    go(tmp_path, noise_command(GPS))


def test_splits_without_strain_say_what_took_it_away(undisturbed, tmp_path):
    for name in ("config", "strain"):
        shutil.copytree(undisturbed / "results" / name, tmp_path / "results" / name)
    lay(tmp_path, {"segments": {"splits": {"train": [[GPS + 1000, GPS + 1032]]}}})
    run = gwsim(tmp_path, *SEGMENTS)
    assert_refused(
        run, "no PSD block of 8 s is left in split train", "H1 no file': 32", "Choose other ranges"
    )
    assert not (tmp_path / "segments.json").exists()


# Waveforms

TIME = np.arange(-200, 2000) / 4096
PULSE = 20 * np.exp(-(((TIME - 0.01) / 0.002) ** 2)) / 3.0857e21  # strain at 1 kpc


def pulse(scale=1.0, time=TIME):
    return "".join(f"{t:.9e} {scale * h:.9e} {-scale * h:.9e}\n" for t, h in zip(time, PULSE, strict=True))


GOOD = {"path": "wave.txt", "format": "pol_eq3", "t_bounce": 0}
BAD_WAVEFORMS = [
    (
        pulse(1e5),
        {},
        "wave.txt: the greatest amplitude is 1.41e+06 cm, expected 0.05 to 1000 cm",
        "is the unit",
    ),
    (pulse(time=1000 * TIME), {}, "the times span 537 s, expected 0.005 to 60 s", "is t_unit right?"),
    (
        pulse()[:20_002],
        {},
        "wave.txt: line 398 is not a row of numbers: 4.809570312e-02 1.74",
        "hint: a truncated file",
    ),
    ("", {}, "wave.txt: 0 lines of numbers, expected at least 8"),
    (None, {}, "wave.txt: no such file; hint: paths are relative to the working directory"),
    (pulse(), {"path": "."}, ".: a folder, expected a file"),
    (pulse(), {"format": "pol3"}, "unknown format 'pol3', expected one of axisym2", "pol_eq3"),
    (pulse(), {"distance": 1}, "format pol_eq3 has no option distance; it has distance_kpc"),
    (pulse(), {"t_bounce": None}, "format pol_eq3 needs the option t_bounce, which nothing in it tells"),
    (pulse(), {"t_bounce": "now"}, "t_bounce 'now', expected a finite number"),
    (
        pulse(),
        {"t_bounce": 9},
        "it holds -9.05 to -8.51 s after bounce, expected",
        "is t_bounce in the file's own",
    ),
    (pulse(), {"t_bounce": -9}, "it holds 8.95 to 9.49 s after bounce, expected to begin by 0.5 s"),
    (pulse(), {"format": "native"}, "wave.txt: not a whole native file", "fetch it again"),
]


def lay_draw(folder, spec):
    """Put what `gwsim draw` needs of a dataset whose one model is read from a file."""
    lay(folder, {"experiments": {"ccsn": {"waveforms": {"models": {"s18": spec}}}}})
    block = {"split": "train", "start": GPS, "end": GPS + BLOCK, "gps_block": GPS}
    (folder / "segments.json").write_text(json.dumps({"blocks": [block]}))


@pytest.mark.parametrize(("content", "options", "words"), [(c, o, w) for c, o, *w in BAD_WAVEFORMS])
def test_bad_waveforms_are_refused_before_anything_is_drawn(tmp_path, content, options, words):
    if content is not None:
        (tmp_path / "wave.txt").write_text(content)
    lay_draw(tmp_path, {name: value for name, value in (GOOD | options).items() if value is not None})
    assert_refused(gwsim(tmp_path, *DRAW), *words)
    assert not (tmp_path / TRAIN).exists()


def test_the_good_waveform_is_drawn(tmp_path):
    (tmp_path / "wave.txt").write_text(pulse())
    lay_draw(tmp_path, GOOD)
    run = gwsim(tmp_path, *DRAW)
    assert run.returncode == 0, run.stderr
    assert "WARNING: s18 is known in one direction only: every example sees it from there" in run.stdout


def test_a_step_at_a_files_first_sample_makes_no_click():
    """Silence stands before a file that begins at bounce: its first samples come in over 5 ms."""
    time = np.arange(4096) / 16384
    swing = (
        10 * (-1.0) ** np.arange(4096) * np.exp(-time / 2e-4)
    )  # at the highest frequency, as a start-up has
    basis = np.zeros((5, 4096))
    basis[0] = swing
    click = ccsn.condition(Moments(time, basis, fixed_direction=False), 4096)
    assert np.abs(click).max() < 0.05
    late = ccsn.condition(Moments(time - 0.101, basis, fixed_direction=False), 4096)
    assert np.abs(late).max() < 0.05  # of a file that begins just after the bank does, too
    tone = np.zeros((5, 4096))
    tone[0] = 10 * np.sin(2 * np.pi * 500 * time)
    kept = ccsn.condition(Moments(time, tone, fixed_direction=False), 4096)
    assert np.abs(kept[0, 500:900]).max() > 9.9  # what comes later stays as it was


# Configurations, as `gwsim check` tells of them


def train(**values):
    return {"experiments": {"ccsn": {"datasets": {"train": values}}}}


def models(**values):
    return {"experiments": {"ccsn": {"waveforms": {"models": values}}}}


WAVE = str(ROOT / "config.yaml")  # a file, but no waveform
BAD_CONFIGURATIONS = [
    ({"sedd": 3}, "top level: unknown key 'sedd' (did you mean 'seed'?)"),
    ({"sample_rate": "fast"}, "sample_rate: got 'fast', expected one of 256, 512, 1024"),
    ({"ifos": "H1"}, "ifos: got 'H1', expected a list (Interferometers, in the order of every array.)"),
    ({"ifos": ["H1", "X1"]}, "ifos: unknown X1 (known: H1, L1, V1"),
    (
        {"segments": {"splits": {"test": [[GPS + 16, GPS + 40]]}}},
        "segments.splits: splits 'train' and 'test' overlap over GPS 1238236176 to 1238236192",
    ),
    ({"segments": {"splits": {"test": [[GPS + 40, GPS + 41]]}}}, "split 'test' has no range of at least 8 s"),
    (
        {"noise": {"stretch_min": 4}} | train() | {"experiments": {"ccsn": {"duration": 8}}},
        "experiments.ccsn.duration: an example with its margins needs 8.6125 s, longer than",
        "min, 4 s",
    ),
    (
        {"segments": {"splits": {"test": [["2019-04-01", 1238236280]]}}},
        "segments.splits.test[0][0]: got '2019-04-01', expected a whole number",
    ),
    (train(examples=101), "train.examples: 101 is no multiple of 2", "the nearest is 100"),
    (train(split="trian"), "train.split: no split 'trian' (known: train)"),
    (
        train(draw={"distance_kpc": 3}),
        "train.draw: got snr and distance_kpc, expected one of snr and distance",
    ),
    (models(s99="surrogate"), "models.s99: no surrogate of that name (known: he3.5, s18"),
    (models(s18={"path": "no.h5", "format": "native"}), "models.s18.path: no file no.h5 (paths start at"),
    (models(s18={"path": WAVE, "format": "naitve"}), "models.s18.format: unknown 'naitve' (known: "),
    (models(s18={"path": WAVE, "format": "native"}), "models.s18: ", "config.yaml: not a whole native file"),
    (models(s18={"path": WAVE, "format": "powell", "tbounce": 0}), "format powell has no option tbounce"),
    ({"strain": {"simulated": {"psd": "o4"}}}, "strain.simulated.psd: unknown PSD 'o4': neither 'o3', nor"),
    (
        {"strain": {"source": "files", "files": ["none/*.hdf5"]}},
        "no file of strain matches none/*.hdf5. Hint",
    ),
    ({"strain": {"source": "files"}}, "strain.files: empty, but strain.source is 'files'"),
]


@pytest.mark.parametrize(("change", "words"), [(c, w) for c, *w in BAD_CONFIGURATIONS])
def test_check_tells_what_is_wrong(capsys, monkeypatch, tmp_path, change, words):
    """In this process: `gwsim check` loads little, and twenty interpreters are slow."""
    monkeypatch.chdir(tmp_path)
    for name, content in {"mini.yaml": OVERLAY, "change.yaml": change}.items():
        Path(name).write_text(yaml.safe_dump(content))
    with pytest.raises(SystemExit) as end:
        gwsim_command.main(["check", str(ROOT / "config.yaml"), "mini.yaml", "change.yaml"])
    out, err = capsys.readouterr()
    assert end.value.code == 2 and not out
    assert re.search(".*".join(map(re.escape, words)), err, re.DOTALL), err
    assert err.count(words[0]) == 1


def test_check_passes_what_is_right_and_knows_an_overlay(tmp_path):
    (tmp_path / "mini.yaml").write_text(yaml.safe_dump(OVERLAY))
    run = gwsim(tmp_path, "check", ROOT / "config.yaml", "mini.yaml")
    assert run.returncode == 0 and run.stdout.endswith("mini.yaml: in order\n"), run.stderr
    run = gwsim(tmp_path, "check", "mini.yaml")
    assert_refused(
        run, "is missing", "Hint: is mini.yaml an overlay? Then: gwsim check config.yaml mini.yaml"
    )


# What is named on the command line


@pytest.mark.parametrize("verb", ["verify", "inspect"])
def test_what_is_no_store_is_told_with_the_stores_near_it(undisturbed, capsys, monkeypatch, verb):
    monkeypatch.chdir(undisturbed)
    stores = f"{TRAIN}, {TRAIN}/bank"
    for path, *words in (
        ("results/ccsn/tarin", "nothing stands at results/ccsn/tarin; stores are ", stores),
        (
            "results/ccsn",
            "results/ccsn is no store: it has none of shards.zarr, data.zarr",
            "in it are ",
            stores,
        ),
        ("results", "stores in it are ", stores, NOISE),
        ("results/strain", "results/strain is no store", "nor one in it"),
        ("segments.json", "segments.json is a file, expected a store's folder"),
        (f"{TRAIN}/table.parquet", "table.parquet is a file, expected a store's folder"),
    ):
        with pytest.raises(SystemExit) as end:
            gwsim_command.main([verb, path])
        assert_refused(subprocess.CompletedProcess(verb, end.value.code, *capsys.readouterr()), *words)


def test_a_store_not_finished_says_how_far_it_is(undisturbed, tmp_path):
    shutil.copytree(undisturbed / TRAIN, tmp_path / "train")
    (tmp_path / "train/manifest.json").unlink()
    next((tmp_path / "train/shards.zarr/strain").rglob("c/1/*/*")).unlink()
    assert_refused(gwsim(tmp_path, "verify", "train"), "INCOMPLETE: train has 1 of 2 shards and no manifest")
    assert_refused(
        gwsim(tmp_path, "inspect", "train"), "holds no finished store; `gwsim verify train` says how"
    )


def test_a_file_that_the_user_named_and_that_is_not_there_is_one_line(tmp_path):
    lay(tmp_path)
    command = strain_command("H1", GPS)
    command[command.index("--settings") + 1] = "typo.json"
    assert_refused(
        gwsim(tmp_path, *command), "cannot use typo.json, an argument of the command: No such file"
    )


def test_a_file_that_we_should_have_made_keeps_its_traceback(capsys, monkeypatch):
    from gwsim.cli import verify

    def fail(_):
        Path("/nowhere/ours.json").read_text()

    monkeypatch.setattr(verify, "run", fail)
    with pytest.raises(FileNotFoundError, match=r"ours\.json"):
        gwsim_command.main(["verify", "theirs.json"])


# Through Snakemake


def test_the_error_of_a_failed_verb_is_seen_from_anywhere(tmp_path):
    """The default profile stands where it is found from any folder, and shows the logs of what failed."""
    (tmp_path / "strain").mkdir()
    for ifo in IFOS:
        cut(write_strain(tmp_path / "strain", ifo=ifo))
    change = copy.deepcopy(OVERLAY)
    change["strain"] |= {"source": "files", "files": ["strain/*"]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(change))
    target = f"results/strain/mini/H1-{GPS}.json"
    command = [
        sys.executable,
        "-m",
        "snakemake",
        target,
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--cores",
        "1",
    ]
    command += ["--directory", str(tmp_path), "--configfile", str(tmp_path / "mine.yaml")]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=elsewhere)
    assert run.returncode == 1
    seen = run.stdout + run.stderr
    assert f"ERROR: strain of H1 in [{GPS}, {GPS + BLOCK}) cannot be used:" in seen
    assert "H-H1_TEST-1238236160-16.hdf5: corrupt, truncated or no HDF5 file" in seen
    assert "Hint: mend, remove or fetch again these files" in seen
    assert "Traceback" not in seen and not (tmp_path / target).exists()
