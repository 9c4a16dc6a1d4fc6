"""Real glitches by their times: rows are the strain around each, placed by hand-made numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from gwsim import configuration, draw, stages
from gwsim.command import main
from gwsim.errors import GwsimError
from gwsim.gravityspy import tables
from gwsim.waveforms import columns
from gwsim.waveforms.sources import triggers

T0 = 1238230000
BLOCKS = [
    {"split": "train", "start": T0 + 1000, "end": T0 + 1128, "gps_block": 0},
    {"split": "train", "start": T0 + 1200, "end": T0 + 1328, "gps_block": 0},
    {"split": "test", "start": T0 + 2000, "end": T0 + 2128, "gps_block": 0},
]
RATE, SECONDS = 8192, 16
KINDS = draw.columns("triggers")


def settings(path, **changes):
    waveforms = {"source": "triggers", "path": str(path), "models": ["Blip", "Tomte"], "faults": "refuse"}
    wanted = {
        "waveforms": waveforms | changes.pop("waveforms", {}),
        "columns": {},
        "classes": ["Blip", "Tomte"],
    }
    wanted |= {"sample_rate": RATE, "window_samples": SECONDS * RATE, "ifos": ["H1", "L1"], "split": "train"}
    return wanted | {"examples": 3, "seed": 1, "experiment": "a", "dataset": "train"} | changes


def table(path, rows):
    path.write_text("ifo,ml_label,event_time,snr,ml_confidence\n" + "\n".join(rows) + "\n")
    return path


GOOD = [
    "L1,Blip,1238231050.25,12,.9",
    "H1,Tomte,1238231290.75,8,.95",
    "L1,Tomte,1238231100.50,9,.8",
    "L1,Blip,1238232050.00,30,.99",
]


def test_rows_are_the_strain_around_each_time(tmp_path):
    systems, rows, told = triggers.listed(BLOCKS, KINDS, settings(table(tmp_path / "t.csv", GOOD)))
    assert told == [] and len(rows) == 3
    assert dict(rows.dtypes) == {name: np.dtype(kind) for name, (kind, _, _) in KINDS.items()}
    starts = np.array([block["start"] for block in BLOCKS])[rows["psd_block"]]
    at = starts + rows["start_sample"] / RATE + rows["event_time"]
    assert sorted(at) == [1238231050.25, 1238231100.5, 1238231290.75]
    assert (rows["gps_second"] == starts + rows["start_sample"] // RATE).all()
    assert rows["event_time"].between(SECONDS / 2 - 0.5, SECONDS / 2 + 0.5).all()
    named = dict(zip(at, systems["model"].iloc[rows["system"]], strict=True))
    assert named == {1238231050.25: "Blip", 1238231290.75: "Tomte", 1238231100.5: "Tomte"}
    assert dict(zip(at, rows["scan_ifo"], strict=True)) == {
        1238231050.25: 1,
        1238231290.75: 0,
        1238231100.5: 1,
    }
    assert dict(zip(at, systems["published_snr"], strict=True)) == {
        1238231050.25: 12,
        1238231290.75: 8,
        1238231100.5: 9,
    }
    assert rows["snr_target"].isna().all() and list(systems) == list(columns.SYSTEM["triggers"])


def test_times_without_strain_are_told_with_counts_or_left_out(tmp_path):
    path = table(
        tmp_path / "t.csv",
        [*GOOD, "L1,Blip,1238235000.00,9,.9", "L1,Blip,1238236000.00,9,.9", "L1,Blip,1238231001.00,9,.9"],
    )
    with pytest.raises(GwsimError, match=r"2 of 7 times left out: no strain\n.*1 of 7 .*too near") as error:
        triggers.listed(BLOCKS, KINDS, settings(path))
    assert "faults: skip" in str(error.value)
    _, rows, told = triggers.listed(BLOCKS, KINDS, settings(path, waveforms={"faults": "skip"}))
    assert len(rows) == 3 and len(told) == 2


def test_other_classes_ifos_and_doubtful_labels_are_passed_over(tmp_path):
    path = table(tmp_path / "t.csv", [*GOOD, "V1,Blip,1238231060.00,9,.9", "L1,Whistle,1238231061.00,9,.9"])
    wanted = settings(path, examples=2, waveforms={"least_confidence": 0.85})
    systems, _, _ = triggers.listed(BLOCKS, KINDS, wanted)
    assert sorted(systems["confidence"]) == [0.9, 0.95]


def test_more_examples_than_there_are_is_an_error_with_the_number(tmp_path):
    with pytest.raises(GwsimError, match=r"asks for 4 glitches, split 'train' has 3 .*set examples to 3"):
        triggers.listed(BLOCKS, KINDS, settings(table(tmp_path / "t.csv", GOOD), examples=4))


def test_fewer_examples_are_some_of_more_and_in_order_of_time(tmp_path):
    path = table(tmp_path / "t.csv", GOOD)
    many, few = (triggers.listed(BLOCKS, KINDS, settings(path, examples=n))[1] for n in (3, 2))
    assert set(few["gps_second"]) < set(many["gps_second"])
    assert many["gps_second"].is_monotonic_increasing


def kept_of(path):
    """The times that are chosen of each class, 20 of 30: by the library's own rule."""
    found = tables.select(tables.times(path), limit=20)
    return [f"{a}.{b:09d}" for a, b in zip(found["gps_second"], found["gps_nanosecond"], strict=True)]


@pytest.mark.parametrize("option", [["--each", "0"], ["--seconds", "63"], ["--seconds", "4"]])
def test_numbers_that_make_no_sense_are_refused(tmp_path, option):
    path = table(tmp_path / "t.csv", GOOD)
    with pytest.raises(SystemExit):
        main(["triggers", str(path), "--output", str(tmp_path / "o.yaml"), "--ifo", "L1", *option])
    assert not (tmp_path / "o.yaml").exists()


def test_an_ifo_that_the_table_lacks_is_told(tmp_path, capsys):
    path = table(tmp_path / "t.csv", [row for row in GOOD if row.startswith("L1")])
    with pytest.raises(SystemExit):
        main(["triggers", str(path), "--output", str(tmp_path / "o.yaml"), "--ifo", "H1"])
    assert "no such glitch of H1 (it has those of L1)" in capsys.readouterr().err


def test_a_table_becomes_a_configuration_that_passes(tmp_path, capsys, monkeypatch):
    times = np.linspace(1238200000, 1253900000, 60)
    rows = [f"L1,{'Blip' if i % 2 else 'Whistle'},{t:.4f},10,.9" for i, t in enumerate(times)]
    path, overlay = table(tmp_path / "t.csv", rows), tmp_path / "real.yaml"
    main(["triggers", str(path), "--output", str(overlay), "--ifo", "L1", "--each", "20"])
    assert "40 glitches of 2 classes: train 28, validation 6, test 6" in capsys.readouterr().out
    config = configuration.load([Path(__file__).parents[1] / "config.yaml", overlay])
    assert stages.settings(config)["glitch/train/draw"]["examples"] == 28
    (experiment,) = config["experiments"].values()
    assert experiment["waveforms"]["models"] == ["Blip", "Whistle"] and config["sample_rate"] == 8192
    chosen = pd.read_csv(path)["event_time"].to_numpy()
    ranges = [r for part in yaml.safe_load(overlay.read_text())["segments"]["splits"].values() for r in part]
    inside = [any(a + 32 <= t <= b - 32 for a, b in ranges) for t in chosen]
    # A range that would cross the border of a strain file is moved: its time may be near an end.
    assert sum(inside) >= 36
    times_of = pd.read_csv(overlay.with_suffix(".csv"), dtype=str)
    assert sorted(times_of["event_time"]) == sorted(kept_of(path))
    assert experiment["waveforms"]["path"] == str(overlay.with_suffix(".csv").resolve())
    assert config["segments"]["flags"] == ["DATA"]


def test_a_class_that_the_table_lacks_is_told(tmp_path, capsys):
    path = table(tmp_path / "t.csv", GOOD)
    options = ["--output", str(tmp_path / "o.yaml"), "--ifo", "L1", "--classes", "Helix"]
    with pytest.raises(SystemExit):
        main(["triggers", str(path), *options])
    assert "no glitches of class Helix (it has Blip, Tomte)" in capsys.readouterr().err
