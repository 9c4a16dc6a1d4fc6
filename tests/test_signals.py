"""Whitened signals that are kept: what is made of them is what the bank gives, to the bit."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import test_new_snr
import test_render

from gwsim import configuration, kept_signals, manifest, render, seeds, sharding, stages, store
from gwsim.errors import GwsimError

NOISE = "a" * 64


class Chirps:
    """A bank of its own entries, one a system: noise under a bump, and a column that follows from it."""

    own, start, samples = True, -0.4, 2000

    def __init__(self, count: int):
        bump = np.exp(-np.square(np.linspace(-4, 4, self.samples)))
        self.values = seeds.generator("test", "chirps").normal(size=(count, 2, self.samples)) * bump * 10

    def entries(self, systems):
        return self.values[np.asarray(systems)].astype(np.float32)

    def weights(self, table, convention):
        return np.tile([1.0, 0.0], (len(table), 1)), np.tile([0.0, 1.0], (len(table), 1))

    def realised(self, table):
        return {"f_window": np.where(table["system"] % 3 == 0, np.nan, 20.0 + table["system"])}


@dataclasses.dataclass
class Case:
    """A dataset's table, and all that it is rendered from."""

    settings: dict
    noise: object
    bank: object
    table: pd.DataFrame

    def louder(self, column: str) -> pd.DataFrame:
        """The same rows at other SNRs or distances."""
        loud = self.table["system"] >= 0
        drawn = np.where(loud, seeds.generator("test", column).uniform(8, 12, len(loud)), np.nan)
        nothing = dict.fromkeys(("snr_target", "distance_target_kpc"), np.nan)
        return self.table.assign(**nothing | {column: drawn})


def table_of(systems: np.ndarray) -> pd.DataFrame:
    rng, size = seeds.generator("test", "signals"), len(systems)
    return pd.DataFrame(
        {
            "label": np.sign(systems + 1),
            "system": systems,
            "psd_block": rng.integers(0, 2, size),
            "start_sample": rng.integers(4096 + 256, 21 * 4096, size),
            "gps_second": 1238236160 + rng.integers(0, 10**6, size),
            "gps_nanosecond": rng.integers(0, 10**9, size),
            "event_time": rng.uniform(0, 0.15, size),
            "ra": rng.uniform(0, 2 * np.pi, size),
            "dec": np.arcsin(rng.uniform(-1, 1, size)),
            "psi": rng.uniform(0, np.pi, size),
            "theta": np.arccos(rng.uniform(-1, 1, size)),
            "phi": rng.uniform(0, 2 * np.pi, size),
            "snr_target": np.where(systems < 0, np.nan, rng.uniform(20, 50, size)),
            "distance_target_kpc": np.full(size, np.nan),
        }
    )


@pytest.fixture(scope="module", params=["ccsn", "cbc"])
def case(request):
    """150 rows in three shards, of few systems in common, or of systems of their own without spectrograms."""
    size, white = 150, test_render.MemoryNoise()
    settings = test_render.SETTINGS | {"examples": size, "source": request.param}
    if request.param == "ccsn":
        systems = seeds.generator("test", "systems").integers(-1, 9, size)
        return Case(settings, white, test_render.MemoryBank(), table_of(systems))
    systems = np.where(np.arange(size) % 4 == 0, -1, np.cumsum(np.arange(size) % 4 != 0) - 1)
    # What the last sums of a vectorised loop leave over shows too.
    settings |= {"duration": 1 + 5 / 4096, "spectrogram": settings["spectrogram"] | {"stored": False}}
    return Case(settings, white, Chirps(size), table_of(systems))


def keep(folder, case, table=None):
    """Make the store of a dataset's signals, as the verbs do."""
    settings = case.settings | {"keep_bits": 23}
    table = case.table if table is None else table
    renderer = render.Renderer(settings, case.noise, case.bank)
    ranges = sharding.shard_ranges(settings["examples"], settings["shard_rows"])
    store.create(folder, [kept_signals.array(settings)])
    list(
        store.write_shards(
            folder,
            range(len(ranges)),
            ranges,
            str,
            lambda index: kept_signals.of_rows(renderer, table.iloc[slice(*ranges[index])]),
        )
    )
    joined = pd.concat([kept_signals.known_by(table, settings), store.realised(folder, ranges)], axis=1)
    store.write_table(folder / kept_signals.TABLE, joined, settings["shard_rows"])
    records = manifest.whole_records(folder, ranges)
    about = kept_signals.attributes(settings, case.bank, NOISE)
    manifest.finalise(folder, records, {}, about, {}, beside=(kept_signals.TABLE,))
    return folder


@pytest.fixture(scope="module")
def folder(case, tmp_path_factory):
    return keep(tmp_path_factory.mktemp("kept") / "signals", case)


def from_kept(case, folder, settings=None):
    settings = settings or case.settings
    return kept_signals.Renderer(settings, case.noise, kept_signals.Signals(folder, settings, NOISE))


@pytest.mark.parametrize("column", ["snr_target", "distance_target_kpc"])
def test_the_bits_are_those_of_the_bank(case, folder, column):
    table = case.louder(column)
    arrays, columns = render.Renderer(case.settings, case.noise, case.bank).rows(table)
    found, its = from_kept(case, folder).rows(table)
    assert set(found) == set(arrays) and ("spectrogram" in arrays) == case.settings["spectrogram"]["stored"]
    for name, values in arrays.items():
        assert np.isfinite(values).all() and found[name].tobytes() == values.tobytes()
    pd.testing.assert_frame_equal(its, columns, check_exact=True)
    assert columns["snr"].notna().sum() == (case.table["system"] >= 0).sum() > 100


def test_unrounded_strain_has_the_same_bits_too(case, folder):
    """Sums that end otherwise by one bit would mostly be rounded away."""
    settings = case.settings | {"keep_bits": 23}
    table = case.louder("snr_target").iloc[64:128]
    arrays, _ = render.Renderer(settings, case.noise, case.bank).rows(table)
    found, _ = from_kept(case, folder, settings).rows(table)
    assert found["strain"].tobytes() == arrays["strain"].tobytes()


def test_a_signal_is_what_is_there_without_noise(case, folder):
    """Plain arithmetic: noise and a multiple, by the SNR that stands in the table beside it."""
    table = case.louder("snr_target")
    settings = case.settings | {"keep_bits": 23}
    arrays, columns = render.Renderer(settings, case.noise, case.bank).rows(table)
    values = store.open_array(folder / "data.zarr" / "signal").read().result()
    its = pd.read_parquet(folder / "table.parquet")
    assert (np.isnan(values).all(axis=(1, 2)) == (table["system"] < 0)).all()
    half = settings["spectrogram"]["window"] // 2
    for row in (1, 70, 149):
        first = table["start_sample"][row] - half
        noise = case.noise.strain[table["psd_block"][row], :, first : first + values.shape[-1]]
        signal = values[row].astype(float) * table["snr_target"][row] / its["snr"][row]
        np.testing.assert_allclose(arrays["strain"][row], noise + signal, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(columns["snr_full"] * columns["distance_kpc"], its["snr_full"], rtol=1e-12)
    assert its["arrival_H1"].equals(columns["arrival_H1"]) and "snr_target" not in its


def test_rows_without_a_signal_take_no_room(case, folder):
    row_bytes = 4 * np.prod(kept_signals.array(case.settings).shape[1:])
    sizes = [
        path.stat().st_size for path in (folder / "data.zarr" / "signal" / "c").rglob("0") if path.is_file()
    ]
    loud = int((case.table["system"] >= 0).sum())
    assert len(sizes) == 3 and loud * row_bytes < sum(sizes) < (loud + 1) * row_bytes
    assert manifest.verify(folder)["files"]


def test_a_shard_without_any_signal_is_no_file(case, tmp_path):
    table = case.table.assign(system=case.table["system"].where(case.table.index < 128, -1))
    folder = keep(tmp_path / "signals", case, table)
    assert sorted(path.name for path in (folder / "data.zarr" / "signal" / "c").iterdir()) == ["0", "1"]
    manifest.verify(folder)
    wanted = dataclasses.replace(case, table=table).louder("snr_target")
    arrays, _ = render.Renderer(case.settings, case.noise, case.bank).rows(wanted.iloc[64:])
    found, _ = from_kept(case, folder).rows(wanted.iloc[64:])
    assert found["strain"].tobytes() == arrays["strain"].tobytes()


def test_rows_of_any_shards_may_be_asked_for(case, folder):
    table = case.louder("snr_target")
    table = table[table["system"] >= 0].iloc[[3, 110, 50, 4]]
    one, realised = render.Renderer(case.settings, case.noise, case.bank).signals(table)
    other, its = from_kept(case, folder).signals(table)
    assert set(realised) == set(its)
    np.testing.assert_allclose(other.numpy(), one.numpy(), rtol=1e-4, atol=1e-5)


def test_files_of_shards_that_are_done_are_no_longer_mapped(case, folder, tmp_path):
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        pytest.skip("no /proc here, which says what is mapped")
    table = case.louder("snr_target")
    # A copy, since tests before may have the folder's own files mapped.
    copy = shutil.copytree(folder, tmp_path / "signals", symlinks=True)
    renderer, signals, seen = from_kept(case, copy), copy / "data.zarr" / "signal", []
    for first in range(0, 150, 64):
        renderer.rows(table.iloc[first : first + 64])
        seen.append({line.split()[-1] for line in maps.read_text().splitlines() if str(signals) in line})
    assert [len(paths) for paths in seen] == [1, 1, 1] and len(set.union(*seen)) == 3


CHANGES = {
    "system": lambda one: one["system"].where(one["system"] < 0, one["system"] - 1).abs(),
    "event_time": lambda one: one["event_time"] + 1e-9,
    "psd_block": lambda one: 1 - one["psd_block"],
    "ra": lambda one: np.nextafter(one["ra"], 7),
    "gps_nanosecond": lambda one: one["gps_nanosecond"] + 1,
}


@pytest.mark.parametrize("name", CHANGES)
def test_signals_of_another_table_are_refused(case, folder, name):
    table = case.louder("snr_target")
    table[name] = CHANGES[name](table)
    with pytest.raises(GwsimError, match=r"rows 6[4-7] to 127 are not those of which .* has the signals"):
        from_kept(case, folder).rows(table.iloc[64:128])


def test_rows_elsewhere_and_tables_of_other_columns_are_refused(case, folder):
    table = case.louder("snr_target")
    for other in (table.drop(columns="psi"), table.set_index(table.index + 1)):
        with pytest.raises(GwsimError, match="the table is another dataset's"):
            from_kept(case, folder).rows(other.iloc[:64])
    with pytest.raises(GwsimError, match="the table is another dataset's"):
        from_kept(case, folder).rows(table.set_index(table.index + 1).iloc[86:])


OTHERS = {"crop": "before", "band": [30, 1600], "duration": 2, "ifos": ["H1", "L1"], "examples": 140}
OTHERS |= {"polarisation_convention": "as_printed", "event_range": [0.0, 0.1], "source": "cbc_scaled"}
OTHERS |= {"sample_rate": 2048, "spectrogram": {"window": 128}, "shard_rows": 128}


@pytest.mark.parametrize("name", OTHERS)
def test_signals_of_other_settings_are_refused(case, folder, name):
    with pytest.raises(GwsimError, match=f"made with another {name} than is asked for"):
        kept_signals.Signals(folder, case.settings | {name: OTHERS[name]}, NOISE)


def test_signals_in_other_noise_are_refused(case, folder):
    with pytest.raises(GwsimError, match="made with another noise than"):
        kept_signals.Signals(folder, case.settings, "b" * 64)


@pytest.mark.parametrize("lacking", ["manifest.json", "data.zarr/signal", "data.zarr"])
def test_half_written_signals_are_refused(case, folder, tmp_path, lacking):
    copy = shutil.copytree(folder, tmp_path / "signals")
    path = copy / lacking
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(GwsimError, match="no finished store of signals at"):
        kept_signals.Signals(copy, case.settings, NOISE)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "lacks a shard"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is cut or damaged at its end"),
        (lambda path: path.write_bytes(b"\1" + path.read_bytes()[1:]), "is damaged between its bytes"),
    ],
    ids=["lost", "cut", "altered"],
)
def test_a_damaged_shard_is_refused(case, folder, tmp_path, damage, message):
    copy = shutil.copytree(folder, tmp_path / "signals")
    path = copy / "data.zarr" / "signal" / "c" / "1" / "0" / "0"
    damage(path)
    with pytest.raises(GwsimError, match=message):
        from_kept(case, copy).rows(case.table.iloc[64:128])


def test_settings_say_that_signals_are_kept_and_nothing_else_follows():
    config = test_new_snr.DEFAULT
    off = json.loads(json.dumps(config))
    del off["experiments"]["cbc"]["render"]["keep_signals"]
    found, others = stages.settings(config), stages.settings(off)
    added = {f"cbc/{name}/signals" for name in config["experiments"]["cbc"]["datasets"]}
    assert set(found) - set(others) == added and not set(others) - set(found)
    for path, part in others.items():
        if not path.endswith("/card"):
            assert found[path] == part
    its = configuration.with_dataset(config, "cbc", "test-snr12")
    assert "signals" not in stages.dataset_settings(its, "cbc", "test-snr12")


# The workflow


KEEP = "experiments: {cbc: {render: {keep_signals: %s}}}"
SIGNALS = {"signals", "signals_layout", "signals_finalise"}


def shards(folder):
    """What the shards of a dataset are, by their files, and its table."""
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    return {name: entry for name, entry in listed.items() if "/c/" in name}, pd.read_parquet(
        folder / "table.parquet"
    )


def test_the_workflow_keeps_signals_once_for_all_loudnesses(tmp_path):
    overlays = {}
    for kept in ("true", "false"):
        overlays[kept] = [tmp_path / f"{kept}.yaml"]
        overlays[kept][0].write_text(KEEP % kept)
    run, name = tmp_path / "run", "results/cbc/gallery"
    run.mkdir()
    targets = [f"{name}-snr12/data.zarr", f"{name}-d40000kpc/data.zarr"]

    def snakemake(*arguments, targets, kept="true"):
        status, text = test_new_snr.snakemake(
            run, *arguments, targets=targets, overlays=overlays[kept], alone="cbc"
        )
        assert status == 0, text
        return text

    told = test_new_snr.jobs(snakemake("--dry-run", targets=targets))
    assert all(told[rule] == 1 for rule in SIGNALS) and told["render"] == 2
    assert not SIGNALS & set(test_new_snr.jobs(snakemake("--dry-run", targets=[f"{name}/data.zarr"])))
    snakemake(targets=targets[:1])
    assert not (run / name / "data.zarr").exists()
    manifest.verify(run / name / "signals")
    told = test_new_snr.jobs(snakemake("--dry-run", targets=targets[1:]))
    assert set(told) - {"total"} == {"settings", "redraw", "layout", "render", "finalise"}
    its = shards(run / f"{name}-snr12")
    text = snakemake("-p", targets=targets[:1], kept="false")
    assert re.search(rf"gwsim render .*--bank {name}/bank/manifest.json", text)
    theirs = shards(run / f"{name}-snr12")
    assert its[0] == theirs[0] and "data.zarr/strain/c/0/0/0" in its[0]
    pd.testing.assert_frame_equal(its[1], theirs[1], check_exact=True)
