"""Real strain and published waveforms through the workflow: the O1 event files, z85_sfhx, a rotating model.

Skips where the files are not beside the repository. What is held here shares nothing with our simulations:
the lines are the detectors' own, and GW150914 must stand at its time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray
import yaml
from scipy.signal import butter, sosfiltfilt, welch

from gwsim import command
from gwsim.waveforms import ccsn, ccsn_files

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
RATE = 4096
# Within the three files of 32 s, one GPS block each.
SPLITS = {
    "train": [[1126259456, 1126259478]],
    "validation": [[1128678884, 1128678912]],
    "test": [[1135136334, 1135136352]],
}
EVENT = 1126259462.42  # GW150914 at H1; 7 ms earlier at L1
MODELS = ("z85_sfhx", "m15fr", "s18")
TRAIN = "results/ccsn/train"


@pytest.fixture(scope="module")
def z85(shared_data, tmp_path_factory):
    """The published quadrupole of z85_sfhx in our native format, and its tensor."""
    path = shared_data / "ccsn/powell_mueller_heger_2021_z85_sfhx/z85_sfhx_quadrupole.h5"
    if not path.is_file():
        pytest.skip("no published waveforms in shared/data")
    with h5py.File(path) as file:
        tensor = file["A_ij_cm"][...].T
    native = tmp_path_factory.mktemp("waveforms") / "z85_sfhx.h5"
    ccsn_files.write_native(native, np.arange(tensor.shape[1]) / 16384, tensor, {"t_bounce": 0.0})
    return native, tensor


def overlay(strain, z85, m15):
    experiment = {
        "waveforms": {
            "models": dict.fromkeys(("he3.5", "s13", "s25", "m39", "y20", "s18np", "z100_sfho"))
            | {"z85_sfhx": {"path": str(z85), "format": "native"}}
            | {"m15fr": {"path": str(m15), "format": "pol_eq3", "t_bounce": 0.0}}
        },
        "render": {"shard_mib": 1},
        "datasets": {"train": {"examples": 80}, "validation": None, "test": None, "gallery": None},
        "networks": None,
    }
    return {
        "run": "o1",
        "ifos": ["H1", "L1"],
        "strain": {"source": "files", "block": 32, "files": [f"{strain}/*.hdf5"]},
        "segments": {"splits": SPLITS, "guard": 1},
        "noise": {"stretch": 32, "stretch_min": 16, "psd_segment": 1, "filter": 0.5},
        "experiments": {"ccsn": experiment, "cbc": None, "glitch": None, "chirp_blip": None},
    }


@pytest.fixture(scope="module")
def made(shared_data, z85, tmp_path_factory):
    """The folder of a finished run over real files, started from anywhere."""
    strain, m15 = shared_data / "strain/gwosc", shared_data / "ccsn/andresen2019_m15/And1815fr1kpc_pol.txt"
    if not strain.is_dir() or not m15.is_file():
        pytest.skip("no GWOSC files or waveforms in shared/data")
    folder = tmp_path_factory.mktemp("real")
    config = folder / "real.yaml"
    config.write_text(yaml.safe_dump(overlay(strain, z85[0], m15)))
    command = [
        sys.executable,
        "-m",
        "snakemake",
        f"{TRAIN}/data.zarr",
        "--snakefile",
        str(ROOT / "Snakefile"),
    ]
    command += ["--directory", str(folder), "--cores", "2", "--configfile", str(config)]
    run = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=folder)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def noise(made):
    return xarray.open_zarr(made / "results/noise/o1/data.zarr").load()


@pytest.mark.parametrize("store", [TRAIN, f"{TRAIN}/bank", "results/noise/o1"])
def test_stores_of_real_files_are_whole(made, capsys, store):
    command.main(["verify", str(made / store)])
    assert "whole and unaltered" in capsys.readouterr().out


def test_records_say_what_the_files_hold(made):
    records = [json.loads(path.read_text()) for path in (made / "results/strain/o1").glob("*.json")]
    assert {(record["ifo"], record["start"]) for record in records} >= {
        (ifo, 1126259456) for ifo in ("H1", "L1")
    }
    for record in records:
        (file,) = record["files"]
        assert Path(file["path"]).name.startswith(f"{record['ifo'][0]}-{record['ifo']}_LOSC_4_V2-")
        ((start, end),) = record["finite"]
        assert start == max(file["start"], record["start"])
        assert end == min(file["start"] + 32, record["start"] + 32)


def test_the_table_says_which_files_the_waveforms_are_from(made):
    systems = pd.read_parquet(made / TRAIN / "systems.parquet").set_index("model")
    assert set(systems.index) == set(MODELS)
    assert systems["source"].to_dict() == {
        "z85_sfhx": "native:z85_sfhx.h5",
        "m15fr": "pol_eq3:And1815fr1kpc_pol.txt",
        "s18": "surrogate",
    }
    assert systems["fixed_direction"].to_dict() == {"z85_sfhx": False, "m15fr": True, "s18": False}


def test_a_source_known_in_one_direction_is_warned_of_and_seen_from_there(made):
    log = (made / "logs/draw/ccsn-train.log").read_text()
    assert "WARNING: m15fr is known in one direction only" in log and log.count("WARNING") == 1
    table = pd.read_parquet(made / TRAIN / "table.parquet")
    models = pd.read_parquet(made / TRAIN / "systems.parquet")["model"].tolist()
    angles = table[["theta", "phi"]].assign(model=[models[i] if i >= 0 else "" for i in table["system"]])
    fixed, others = angles[angles["model"] == "m15fr"], angles[angles["model"].isin(["z85_sfhx", "s18"])]
    assert len(fixed) == 20 and (fixed[["theta", "phi"]] == 0).all(axis=None)
    assert len(others) == 40 and (others[["theta", "phi"]] > 0).all(axis=None)


def test_every_signal_has_the_snr_it_was_asked_for(made):
    table = pd.read_parquet(made / TRAIN / "table.parquet")
    signals = table[table["system"] >= 0]
    assert len(signals) == 60
    np.testing.assert_allclose(signals["snr"], signals["snr_target"], rtol=1e-9)
    network = np.hypot(signals["snr_H1"], signals["snr_L1"])
    np.testing.assert_allclose(network, signals["snr"], rtol=1e-9)


def pieces(noise):
    """Yield each block's and ifo's finite whitened strain and its PSD."""
    for block in range(noise.sizes["block"]):
        for ifo in range(noise.sizes["ifo"]):
            strain = noise["strain"].values[block, ifo].astype(float)
            yield strain[np.isfinite(strain)], noise["psd"].values[block, ifo]


def test_real_noise_is_whitened(noise):
    """Above 1600 Hz these files fall off, which the operator does not follow: the variance is below one."""
    seconds = noise["duration"].values
    assert sorted(seconds) == [18, 22, 28]
    for strain, _ in pieces(noise):
        assert 0.75 < strain.var() < 1.05
        assert abs(strain.mean()) < 0.05  # the files' offset is five times their rms: a short filter leaks
        assert np.abs(strain).max() < 6  # sigma; GW150914 itself stays below
    lengths = [len(strain) / RATE for strain, _ in pieces(noise)]
    np.testing.assert_allclose(lengths, np.repeat(seconds, 2) - 0.5, atol=1 / RATE)


def test_real_lines_are_suppressed(noise):
    """Lines stand up to a million times over the noise between them; whitened, they lose a factor of 100."""
    frequency = np.fft.rfftfreq(RATE, 1 / RATE)
    band = (frequency >= 30) & (frequency <= 1600)

    def highest(psd):
        return psd[band].max() / np.median(psd[band])

    for strain, psd in pieces(noise):
        _, whitened = welch(strain, RATE, nperseg=RATE)
        assert highest(psd) > 1e3 and highest(whitened) < highest(psd) / 100
        # The mains, which every detector hears.
        beside = [52, 53, 54, 66, 67, 68]
        assert psd[60] > 10 * psd[beside].mean() and whitened[60] < 3 * whitened[beside].mean()


def test_gw150914_stands_at_its_time(noise):
    """Nothing else in these seconds is as loud between 40 and 300 Hz."""
    block = int(np.flatnonzero(noise["gps_second"].values == 1126259456)[0])
    sections = butter(4, [40, 300], btype="bandpass", fs=RATE, output="sos")
    for ifo in range(2):
        strain = np.nan_to_num(noise["strain"].values[block, ifo].astype(float))
        loud = np.abs(sosfiltfilt(sections, strain))
        peak = 1126259456 + loud.argmax() / RATE
        assert abs(peak - EVENT) < 0.03 and loud.max() > 5 * loud.std()


def test_an_artefact_at_a_files_first_sample_is_faded_in(z85):
    """17 cm at the first sample (at bounce), ringing on with alternating sign: nothing may be left of it."""
    path, tensor = z85
    assert np.abs(tensor).max(axis=0).argmax() == 0 and np.abs(tensor[:, 0]).max() > 17
    conditioned = ccsn.condition(ccsn.load("z85_sfhx", {"path": str(path), "format": "native"}), RATE)
    bounce = round(-ccsn.START * RATE)
    first = conditioned[
        :, bounce - 40 : bounce + 40
    ]  # 10 ms on either side, in which the real signal is silent
    assert np.abs(first).max() < 0.02 * np.abs(conditioned).max()
    assert np.abs(conditioned).max() < 17


def test_without_the_fade_the_artefact_would_be_seen(z85, monkeypatch):
    path, _ = z85
    monkeypatch.setattr(ccsn, "_fade_in", lambda moments: moments)
    conditioned = ccsn.condition(ccsn.load("z85_sfhx", {"path": str(path), "format": "native"}), RATE)
    bounce = round(-ccsn.START * RATE)
    assert np.abs(conditioned[:, bounce - 40 : bounce + 40]).max() > 0.15 * np.abs(conditioned).max()
