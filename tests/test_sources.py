"""Sources of signals: one contract for all, with a bank or without; LAL makes binaries or refuses."""

import json

import lal
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_cbc_scaled import mismatch

from gwsim import draw, manifest, publish, seeds, sharding, stages, store
from gwsim.errors import GwsimError
from gwsim.waveforms import cbc, cbc_scaled, columns, glitches, sources
from gwsim.waveforms.sources import binaries, scaled_binaries, supernovae

RATE = 4096
SUPERNOVAE = {
    "source": "ccsn",
    "models": {"s18": "surrogate", "m39": "surrogate"},
    "realisations": "fresh",
    "seconds": 0.5,
    "sample_rate": RATE,
}
BINARIES = {
    "source": "cbc",
    "models": {
        "BBH": {
            "approximant": "SEOBNRv4_opt",
            "mass_1": {"uniform": [20, 60]},
            "mass_2": {"uniform": [20, 60]},
        },
        "NSBH": {
            "approximant": "SpinTaylorT4",
            "mass_1": {"uniform": [5, 10]},
            "mass_2": {"uniform": [1, 2]},
        },
    },
    "taper": 0.2,
    "end_cycles": 1,
    "stream": [1, "cbc", "train"],
    "columns": {},
    "sample_rate": RATE,
    "duration": 1,
    "event_range": [0.8, 0.9],
    "margin": 1 / 16,
}
SCALED = BINARIES | {"source": "cbc_scaled"}
NAMES = {"ccsn": ["s18", "m39", "m39", "s18"], "cbc": ["BBH", "NSBH", "NSBH", "BBH", "BBH", "NSBH"]}
NAMES["cbc_scaled"] = NAMES["cbc"]
GLITCHES = {
    "source": "glitch",
    "models": ["Blip", "No_Glitch", "Whistle", "None_of_the_Above"],
    "sample_rate": 8192,
}
TRIGGERS = {"source": "triggers", "models": ["Blip"], "path": "times.csv", "faults": "refuse"}
BLIP = {
    "centre_row": {"uniform": [5, 27]},
    "centre_column": 32,
    "sigma_row": 3,
    "sigma_column": 2,
    "amplitude": {"uniform": [1, 2]},
    "drift": 0,
}
CHIRP = {"start_row": {"uniform": [2, 12]}, "start_column": 9, "rate": 0.3, "amplitude": 2, "shortest": 8}
TOYS = {
    "source": "toy",
    "models": {"blip": BLIP, "chirp": CHIRP, "noise": {}},
    "picture": {"rows": 32, "columns": 64, "noise": 0.8},
}
NAMES["toy"] = ["blip", "chirp", "chirp", "blip"]
NAMES["glitch"] = ["Blip", "Whistle", "None_of_the_Above", "Blip", "No_Glitch", "Whistle"]


def systems_of(settings, names=None, seed="systems"):
    """Systems of some models, as draw makes them."""
    source = settings["source"]
    names = NAMES[source] if names is None else names

    def uniform(name):
        return seeds.uniforms("test", seed, name, size=len(names))

    def integers(name):
        return seeds.generator("test", seed, name).integers(0, 2**63 - 1, size=len(names))

    found = sources.SOURCES[source].systems(names, settings, uniform, integers)
    known = [
        name for name in ("noise", *settings["models"]) if name != "noise" or source not in columns.BANKLESS
    ]
    found = {"label": [known.index(name) for name in names], "model": names} | found
    kinds = columns.SYSTEM[source]
    return pd.DataFrame({name: pd.Series(found[name], dtype=kind) for name, (kind, _, _) in kinds.items()})


def banked(folder, settings, systems):
    """Make the bank of systems as the workflow does, and open it."""
    source = sources.SOURCES[settings["source"]]
    rows = source.rows(systems)
    folder.mkdir()
    store.create(folder, [source.layout(len(rows), settings)])
    ranges = sharding.shard_ranges(len(rows), sharding.BANK_ROWS)

    def make(index):
        values, realised = source.make(rows.iloc[slice(*ranges[index])], settings)
        return {source.ARRAY: values}, realised

    list(store.write_shards(folder, range(len(ranges)), ranges, str, make))
    records = manifest.whole_records(folder, ranges)
    if records[0]["columns"]:
        systems = systems.assign(**store.realised(folder, ranges))
    store.write_table(folder / "systems.parquet", systems)
    manifest.finalise(folder, records, {}, {}, {})
    return sources.opened(folder / "data.zarr")


def examples_of(systems, event_time=0.85):
    """Examples of all systems, with what a source's weights and realised columns may ask for."""
    count = len(systems)
    angles = {"theta": np.linspace(0.1, 3, count), "phi": np.linspace(0, 6, count)}
    return pd.DataFrame({"system": np.arange(count), "event_time": event_time, **angles})


class Told:
    """What every source fulfils; a subclass gives its settings."""

    settings: dict

    @property
    def name(self):
        return self.settings["source"]

    @property
    def source(self):
        return sources.SOURCES[self.name]

    def test_what_is_told_is_text(self):
        assert all(isinstance(line, str) for line in self.source.notes(self.settings))
        assert json.loads(json.dumps(self.source.provenance())) == self.source.provenance()


class Drawn(Told):
    """What every source fulfils whose systems are drawn."""

    @pytest.fixture(scope="class")
    @classmethod
    def systems(cls):
        return systems_of(cls.settings)

    def test_systems_have_the_columns_that_are_documented(self, systems):
        assert {name: str(kind) for name, kind in systems.dtypes.items()} == {
            name: kind for name, (kind, _, _) in columns.SYSTEM[self.name].items()
        }
        found = self.source.systems([], self.settings, lambda _: np.zeros(0), lambda _: np.zeros(0, int))
        assert {"label", "model", *found} == set(columns.SYSTEM[self.name])

    def test_a_system_does_not_depend_on_those_behind_it(self, systems):
        short = systems_of(self.settings, NAMES[self.name][:2])
        pd.testing.assert_frame_equal(short, systems.iloc[:2], check_exact=True)


class Contract(Drawn):
    """What every source with a bank fulfils besides."""

    @pytest.fixture(scope="class")
    @classmethod
    def bank(cls, systems, tmp_path_factory):
        return banked(tmp_path_factory.mktemp("source") / "bank", cls.settings, systems)

    def test_every_column_applies_to_every_system(self, systems):
        assert systems.notna().all(axis=None)

    def test_what_waveforms_are_made_from_is_hashed_as_text(self):
        about = self.source.fingerprint(self.settings)
        assert json.loads(json.dumps(about)) == about

    def test_the_bank_is_what_its_module_and_its_layout_say(self, systems):
        rows = self.source.rows(systems)
        array = self.source.layout(len(rows), self.settings)
        values, realised = self.source.make(rows, self.settings)
        assert values.shape == array.shape and values.dtype == array.dtype and array.name == self.source.ARRAY
        assert np.isfinite(values).all() and np.abs(values).max(axis=tuple(range(1, values.ndim))).min() > 0
        (told,) = [line for line in self.source.__doc__.splitlines() if line.startswith(f"{array.name} | ")]
        _, dims, unit, dtype, _ = told.split(" | ")
        assert (tuple(dims.split(", ")), unit, dtype) == (array.dims, array.attributes["units"], array.dtype)
        if realised is not None:
            assert len(realised) == len(rows) and set(columns.PUBLISHED[self.name]) <= set(realised)

    def test_the_workflow_plans_as_many_rows_as_there_are(self, systems):
        experiment = {"waveforms": {k: self.settings[k] for k in ("source", "models") if k in self.settings}}
        experiment["waveforms"] |= {"realisations": "fresh"} if self.name == "ccsn" else {}
        experiment["whiten"] = "block"
        count = len(systems) * (len(self.settings["models"]) + 1) // len(self.settings["models"])
        assert stages.bank_rows(experiment, {"examples": count}) == len(self.source.rows(systems))

    def test_rows_have_the_same_bytes_alone_and_in_any_order(self, systems):
        rows = self.source.rows(systems)
        values, realised = self.source.make(rows, self.settings)
        backwards, its_realised = self.source.make(rows.iloc[::-1], self.settings)
        assert values.tobytes() == backwards[::-1].tobytes()
        alone, _ = self.source.make(rows.iloc[[-1]], self.settings)
        assert alone.tobytes() == values[-1:].tobytes()
        if realised is not None:
            turned = its_realised.iloc[::-1].reset_index(drop=True)
            pd.testing.assert_frame_equal(realised, turned, check_exact=True)

    def test_a_bank_that_was_written_is_opened_by_what_it_holds(self, bank, systems):
        assert type(bank) is self.source.Bank and bank.source == self.name
        known = set(columns.SYSTEM[self.name]) | (set(columns.PUBLISHED[self.name]))
        assert known <= set(bank.systems) and len(bank.systems) == len(systems)
        assert bank.start < 0 < bank.start + bank.samples / RATE
        # Render puts entries on its grid by their start: a whole number of samples.
        assert bank.start * RATE == pytest.approx(round(bank.start * RATE), abs=1e-9)

    def test_entries_are_those_of_their_systems_whoever_is_beside_them(self, bank, systems):
        every = bank.entries(np.arange(len(systems)))
        assert every.dtype == np.float32 and every.shape[0] == len(systems) and every.shape[2] == bank.samples
        some = bank.entries(np.array([3, 0, 3]))
        assert some.tobytes() == every[[3, 0, 3]].tobytes()
        assert bank.entries(np.array([2])).tobytes() == every[[2]].tobytes()
        assert len({one.tobytes() for one in every}) == len(systems)

    def test_plus_and_cross_are_sums_of_the_terms(self, bank, systems):
        terms = bank.entries(np.array([0])).shape[1]
        table = examples_of(systems)
        plus, cross = bank.weights(table, "standard")
        assert plus.shape == cross.shape == (len(table), terms)
        assert np.linalg.matrix_rank(np.stack([plus[1], cross[1]])) == 2
        one = bank.weights(table.iloc[[1]], "standard")
        np.testing.assert_array_equal(one, (plus[[1]], cross[[1]]))

    def test_what_is_realised_has_the_columns_that_are_documented(self, bank, systems):
        found = bank.realised(examples_of(systems))
        assert set(found) == set(columns.RENDERED[self.name])
        assert all(len(values) == len(systems) and np.isfinite(values).all() for values in found.values())

    def test_a_picture_shows_plus_of_a_system_of_its_class(self, bank):
        for label in (1, 2):
            shown = bank.shown(label, "standard")
            assert shown.shape == (bank.samples,) and shown.dtype == np.float64 and np.abs(shown).max() > 0
        assert not np.array_equal(bank.shown(1, "standard"), bank.shown(2, "standard"))


class TestSupernovae(Contract):
    settings = SUPERNOVAE

    def test_entries_are_each_systems_own_conditioned_quadrupole(self, bank, systems):
        for place, system in systems.iterrows():
            expected = supernovae.entry(system, self.settings)
            np.testing.assert_array_equal(bank.entries(np.array([place]))[0], expected)


class TestBinaries(Contract):
    settings = BINARIES

    def test_entries_are_lals_of_the_drawn_parameters(self, bank, systems):
        start, samples = binaries.span(BINARIES)
        assert (bank.systems["attempt"] == 0).all()
        for place, system in systems.iterrows():
            parameters = {name: system[name] for name in binaries.DRAWN}
            made = cbc.polarisations(system["source"], parameters, RATE, start, samples, 0.2, 1)
            expected = np.stack([made.plus, made.cross]).astype(np.float32)
            np.testing.assert_array_equal(bank.entries(np.array([place]))[0], expected)
            assert bank.systems["f_start"][place] == made.f_start

    def test_what_is_realised_is_what_was_drawn(self, bank, systems):
        drawn = list(columns.SYSTEM["cbc"])
        pd.testing.assert_frame_equal(bank.systems[drawn], systems, check_exact=True)


class TestScaledBinaries(Contract):
    settings = SCALED

    def test_entries_are_those_of_curves_that_never_were_on_disk(self, bank, systems):
        start, samples = binaries.span(SCALED)
        for name, part in systems.groupby("source"):
            made = cbc_scaled.polarisations(
                name, dict(part), RATE, start, samples, fade_in=0.2, dtype="float32"
            )
            np.testing.assert_array_equal(bank.entries(part.index.to_numpy()), made)


class Bankless(Drawn):
    """What a source fulfils whose signals `render` makes from their systems alone."""

    def test_no_stage_looks_for_a_bank(self, systems, tmp_path):
        experiment = {"waveforms": {"source": self.name, "models": self.settings["models"]}, "whiten": "self"}
        assert not stages.banked(experiment) and stages.own_systems(experiment)
        assert stages.bank_rows(experiment, {"examples": len(systems)}) == 0
        assert not {"rows", "layout", "make", "Bank", "ARRAY"} & set(vars(self.source))
        # What stands beside another source's bank is not taken for it.
        store.write_table(tmp_path / "systems.parquet", systems)
        with pytest.raises(GwsimError, match="no bank of waveforms"):
            sources.opened(tmp_path)


class TestGlitches(Bankless):
    settings = GLITCHES

    def test_each_signal_has_its_own_loudness_where_none_is_wanted(self):
        names = [name for name in self.settings["models"] for _ in range(500)]
        uniform = seeds.uniforms("test", "loudness", size=len(names))
        found = self.source.own("snr", names, uniform)
        assert found.shape == (len(names),) and (found[np.isfinite(found)] > 0).all()
        # A quantile of the class's own distribution, whoever is beside it.
        order = np.argsort(uniform, kind="stable")
        for name in set(names):
            place = [i for i in order if names[i] == name]
            alone = self.source.own("snr", [name] * len(place), uniform[place])
            np.testing.assert_array_equal(alone, found[place])
            assert np.isnan(alone).all() or ((np.diff(alone) >= 0).all() and np.unique(alone).size > 400)

    def test_columns_that_are_the_classes_own_are_columns_of_examples(self):
        for name in columns.OWN[self.name]:
            values = self.source.own(name, list(glitches.CLASSES), np.full(22, 0.9))
            assert values.shape == (22,) and draw.TARGETS.get(name, name) in draw.columns(self.name)

    def test_silence_alone_has_no_loudness(self):
        found = self.source.own("snr", list(glitches.CLASSES), np.full(22, 0.5))
        assert [name for name, snr in zip(glitches.CLASSES, found, strict=True) if np.isnan(snr)] == [
            "No_Glitch"
        ]

    def test_a_row_of_the_table_of_systems_makes_its_glitch_and_no_other(self, systems):
        made = []
        for _, system in systems.iterrows():
            waveform = glitches.waveform(dict(system), 8, 4.0, 8192)
            assert waveform.shape == (8 * 8192,) and np.isfinite(waveform).all()
            assert (np.abs(waveform).max() > 0) == (system["model"] != "No_Glitch")
            made.append(waveform.tobytes())
        assert len(set(made)) == len(systems)

    def test_columns_are_those_of_the_class(self, systems):
        for name, its in systems.groupby("model"):
            own = glitches.table()[name]["parameters"]
            for column in glitches.PARAMETERS:
                assert its[column].notna().all() == (column in own) == its[column].notna().any(), (
                    name,
                    column,
                )
        assert systems["key"].nunique() == len(systems)


class TestTriggers(Told):
    """What is listed, not drawn: test_triggers.py has its laws."""

    settings = TRIGGERS

    def test_it_lists_and_draws_nothing(self):
        assert callable(self.source.listed) and not {"systems", "own", "Bank"} & set(vars(self.source))


class TestToys(Bankless):
    """Forms of toys: test_toys.py has their laws."""

    settings = TOYS


GIVEN = {"pictures", "store"}
CONTRACTS = (TestSupernovae, TestBinaries, TestScaledBinaries, TestGlitches, TestTriggers, TestToys)


def test_every_source_has_its_contract_and_its_columns():
    assert {one.settings["source"] for one in CONTRACTS} == set(sources.SOURCES)
    bankless = {one.settings["source"] for one in CONTRACTS if not issubclass(one, Contract)}
    # Pictures and stores of others are taken in as they are: no stage of signals knows them.
    assert bankless == set(columns.BANKLESS) - GIVEN and not GIVEN & set(sources.SOURCES)
    assert set(columns.WHITENED) == {*sources.SOURCES, *GIVEN}
    # A store of others brings its own card.
    assert set(columns.CARD) == {*sources.SOURCES, "pictures"}
    of_all = ("SYSTEM", "ROW", "TARGETS", "PUBLISHED", "RENDERED", "ORIENTATION", "DEFAULTS")
    for name in of_all:
        assert set(getattr(columns, name)) == set(sources.SOURCES), name
    having = {name: source for name, source in sources.SOURCES.items() if name not in columns.BANKLESS}
    for name in ("SHOWN", "SHOWN_KPC"):
        assert set(getattr(columns, name)) == set(having), name
    assert {name: source.Bank.own for name, source in having.items()} == {
        "ccsn": False,
        "cbc": True,
        "cbc_scaled": True,
    }


def test_a_folder_without_a_bank_is_told(tmp_path):
    with pytest.raises(
        GwsimError, match=r"no bank of waveforms at .*: run snakemake with --forcerun waveforms"
    ):
        sources.opened(tmp_path)


# Where entries begin and end


@pytest.mark.parametrize("rate", [1024, 4096])
@pytest.mark.parametrize(
    ("duration", "events"), [(1, [0.8, 0.9]), (4, [3.9, 4.0]), (4, [0.0, 4.0]), (2, [1, 1])]
)
def test_entries_cover_every_window_behind_their_taper(rate, duration, events):
    settings = BINARIES | {"sample_rate": rate, "duration": duration, "event_range": events, "margin": 0.0625}
    start, samples = binaries.span(settings)
    assert start * rate == round(start * rate)
    farthest = max(np.linalg.norm(site.location) for site in lal.CachedDetectors) / lal.C_SI
    # The window's first and last moment after the event, in an ifo that hears it latest or first.
    earliest = -events[1] - farthest - 0.0625
    latest = duration - events[0] + farthest + 0.0625
    assert start + 0.2 <= earliest and start + samples / rate >= latest
    # And no longer than light through the Earth asks for.
    assert start + 0.2 > earliest - 0.025 and start + samples / rate < latest + 0.025
    layout = binaries.layout(5, settings)
    assert layout.attributes["start_s"] == start and layout.shape == (5, 2, samples)
    scaled = scaled_binaries.layout(1, settings | {"source": "cbc_scaled"})
    assert (scaled.attributes["start_s"], scaled.attributes["samples"]) == (start, samples)


# What LAL refuses


def refusing(monkeypatch, refused):
    """Make LAL refuse the parameters of a predicate."""
    real = cbc.polarisations

    def polarisations(approximant, parameters, *options):
        if refused(parameters):
            raise cbc.Refused(f"{approximant}: too odd")
        return real(approximant, parameters, *options)

    monkeypatch.setattr(cbc, "polarisations", polarisations)


def redraws(system, count, settings=BINARIES):
    return [binaries.again(system, attempt, settings) for attempt in range(1, count + 1)]


@pytest.mark.parametrize("times", [1, 3])
def test_what_lal_refuses_is_drawn_anew_with_its_attempt(monkeypatch, times):
    systems = systems_of(BINARIES)
    bad = systems.loc[4]
    refused = {bad["mass_1"], *(one["mass_1"] for one in redraws(bad, times)[:-1])}
    values, before = binaries.make(systems, BINARIES)
    refusing(monkeypatch, lambda parameters: parameters["mass_1"] in refused)
    again, realised = binaries.make(systems, BINARIES)
    assert list(realised["attempt"]) == [0, 0, 0, 0, times, 0] and realised["attempt"].dtype == np.int32
    monkeypatch.undo()
    wanted = redraws(bad, times)[-1]
    assert {name: realised[name][4] for name in binaries.DRAWN} == wanted
    made = cbc.polarisations(bad["source"], wanted, RATE, *binaries.span(BINARIES), 0.2, 1)
    np.testing.assert_array_equal(again[4], np.stack([made.plus, made.cross]).astype(np.float32))
    # No other system has noticed.
    others = [0, 1, 2, 3, 5]
    assert again[others].tobytes() == values[others].tobytes()
    pd.testing.assert_frame_equal(realised.iloc[others], before.iloc[others], check_exact=True)


def test_a_redraw_is_the_same_in_any_company_and_order(monkeypatch):
    systems = systems_of(BINARIES)
    bad = set(systems.loc[[0, 2, 4], "mass_1"])
    refusing(monkeypatch, lambda parameters: parameters["mass_1"] in bad)
    values, realised = binaries.make(systems, BINARIES)
    assert list(realised["attempt"]) == [1, 0, 1, 0, 1, 0]
    for order in ([5, 4, 3, 2, 1, 0], [2], [4, 0], [2, 2]):
        # As a later stretch of a longer table would hold them, and pairs of examples.
        moved = systems.iloc[order].set_axis(np.arange(len(order)) + 1000)
        part, its_realised = binaries.make(moved, BINARIES)
        assert part.tobytes() == values[order].tobytes()
        expected = realised.iloc[order].reset_index(drop=True)
        pd.testing.assert_frame_equal(its_realised, expected, check_exact=True)


def test_redraws_have_the_laws_of_the_configuration_and_share_no_numbers():
    settings = BINARIES | {"columns": {"inclination": {"uniform": [0.2, 0.4]}}}
    systems = systems_of(settings, ["BBH"] * 400)
    first, second = (
        pd.DataFrame([binaries.again(s, k, settings) for _, s in systems.iterrows()]) for k in (1, 2)
    )
    for drawn in (first, second):
        assert list(drawn) == list(binaries.DRAWN)
        for name, low, high in (("mass_1", 20, 60), ("inclination", 0.2, 0.4), ("phase", 0, 2 * np.pi)):
            assert stats.kstest((drawn[name] - low) / (high - low), "uniform").pvalue > 1e-3, name
        assert (drawn[list(columns.SPINS)] == 0).all(axis=None)
    for name in ("mass_1", "mass_2", "inclination", "phase"):
        every = [*systems[name], *first[name], *second[name]]
        assert len(set(every)) == 3 * len(systems)
        for one, other in ((systems, first), (first, second)):
            assert abs(stats.spearmanr(one[name], other[name]).statistic) < 4.5 / np.sqrt(len(systems))
    # Bodies of one redraw are independent too, and another dataset's are others.
    assert abs(stats.spearmanr(first["mass_1"], first["mass_2"]).statistic) < 4.5 / np.sqrt(len(systems))
    elsewhere = binaries.again(systems.loc[0], 1, settings | {"stream": [1, "cbc", "test"]})
    assert elsewhere["mass_1"] != first["mass_1"][0]


def test_a_prior_that_is_refused_again_and_again_is_at_fault_itself(monkeypatch):
    systems = systems_of(BINARIES)
    asked = []
    refusing(monkeypatch, lambda parameters: asked.append(parameters["mass_1"]) or True)
    message = (
        r"system 3 of BBH: LAL refused 21 draws in a row, the last with: SEOBNRv4_opt: too odd; hint: narrow "
        r"the masses and spins of waveforms\.models\.BBH"
    )
    with pytest.raises(GwsimError, match=message):
        binaries.make(systems.iloc[[3]], BINARIES)
    assert len(set(asked)) == binaries.MOST_ATTEMPTS + 1
    # The last draw is still taken.
    refused = set(asked[:-1])
    monkeypatch.undo()
    refusing(monkeypatch, lambda parameters: parameters["mass_1"] in refused)
    assert list(binaries.make(systems.iloc[[3]], BINARIES)[1]["attempt"]) == [binaries.MOST_ATTEMPTS]


def test_what_is_no_refusal_is_not_drawn_anew(monkeypatch):
    def broken(*_):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(cbc, "polarisations", broken)
    with pytest.raises(ValueError, match="a fault of ours"):
        binaries.make(systems_of(BINARIES).iloc[:1], BINARIES)


# The two sources of binaries beside one another


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same systems, seen face on, of both sources."""
    banks = []
    for settings in (BINARIES, SCALED):
        settings = settings | {"columns": {"inclination": 0.0}}
        folder = tmp_path_factory.mktemp("both") / settings["source"]
        banks.append(banked(folder, settings, systems_of(settings)))
    return banks


def test_both_draw_the_same_systems(both):
    drawn = list(columns.SYSTEM["cbc"])
    pd.testing.assert_frame_equal(*(bank.systems[drawn] for bank in both), check_exact=True)
    assert len({(bank.start, bank.samples) for bank in both}) == 1


def test_rescaled_entries_are_lals(both):
    direct, scaled = (bank.entries(np.arange(6)).astype(float) for bank in both)
    for one, other in zip(direct, scaled, strict=True):
        # As documented, after a maximum over time and phase.
        assert mismatch(one, other) < 1e-4
        # LAL's merger is that of the scaled ones within a few samples.
        assert abs(int(np.hypot(*one).argmax()) - int(np.hypot(*other).argmax())) < 8
    assert mismatch(direct[0], scaled[3]) > 1e-2


def measured_frequency(entry, place):
    """The frequency of a face-on entry about a sample: its phase turns evenly over a few samples."""
    phase = np.unwrap(np.angle(entry[0] - 1j * entry[1]))
    near = slice(place - 64, place + 65)
    return abs(np.polyfit(np.arange(-64, 65), phase[near], 3)[2]) * RATE / (2 * np.pi)


@pytest.mark.parametrize("event_time", [0.8, 0.87, 0.9])
def test_f_window_is_the_frequency_where_the_window_opens(both, event_time):
    told = []
    for bank in both:
        table = examples_of(bank.systems, event_time)
        found = bank.realised(table)["f_window"]
        place = round((-event_time - bank.start) * RATE)
        entries = bank.entries(np.arange(6)).astype(float)
        expected = [measured_frequency(one, place) for one in entries]
        np.testing.assert_allclose(found, expected, rtol={"cbc": 1e-3, "cbc_scaled": 1e-4}[bank.source])
        told.append(found)
    np.testing.assert_allclose(*told, rtol=0.04)
    # An earlier start of the window is lower.
    earlier = [bank.realised(examples_of(bank.systems, event_time + 0.05))["f_window"] for bank in both]
    assert (np.array(earlier) < np.array(told)).all()


def test_f_window_is_unknown_where_the_window_opens_in_the_plunge(both):
    for bank in both:
        # Newton's time from 6 GM/c^2 on: 5/256 6^4 M^3 / (m1 m2), GM_sun/c^3 in s.
        one, other = bank.systems["mass_1"].to_numpy(), bank.systems["mass_2"].to_numpy()
        plunge = 5 / 256 * 6**4 * (one + other) ** 3 / (one * other) * 4.925490947e-6
        for factor, known in ((0.99, False), (1.01, True)):
            table = examples_of(bank.systems, 0.8).assign(event_time=factor * plunge)
            found = bank.realised(table)["f_window"]
            assert (np.isfinite(found) == known).all() and len(found) == 6


# What the published table says of systems


@pytest.mark.parametrize("source", ["cbc", "cbc_scaled"])
def test_examples_tell_of_their_own_system_and_noise_of_none(source):
    systems = systems_of(BINARIES)
    if source == "cbc":
        systems = systems.assign(**binaries.make(systems, BINARIES)[1])
    table = pd.DataFrame({"system": [2, -1, 0, -1]}, index=[10, 11, 12, 13])
    told = publish.of_systems(table, systems, source)
    assert {name: str(kind) for name, kind in told.dtypes.items()} == {
        name: kind for name, (kind, _, _) in columns.PUBLISHED[source].items()
    }
    assert {"mass_1", "spin_2z", "inclination", "phase"} <= set(told)
    assert list(told.index) == [10, 11, 12, 13]
    np.testing.assert_array_equal(
        told["mass_1"], [systems["mass_1"][2], np.nan, systems["mass_1"][0], np.nan]
    )
    np.testing.assert_array_equal(told.get("attempt", [0, -1, 0, -1]), [0, -1, 0, -1])
    assert ("attempt" in told) == (source == "cbc")
    assert told.loc[[11, 13]].drop(columns="attempt", errors="ignore").isna().all(axis=None)
    assert told.loc[[10, 12]].notna().all(axis=None)


def test_examples_of_supernovae_tell_no_more_than_before():
    systems = systems_of(SUPERNOVAE)
    assert publish.of_systems(pd.DataFrame({"system": [0, -1]}), systems, "ccsn").shape == (2, 0)


# Categories of the published table


def test_a_category_without_a_name_is_refused():
    known = {"label": ("int32", "1", "class"), "glitch": ("int32", "1", "glitch")}
    names = {"label": ["noise", "signal"], "glitch": ["Blip"]}
    good = pd.DataFrame({"label": [0, 1, 1], "glitch": [-1, 0, -1]})
    assert set(publish.as_arrays(good, known, names)) == {"label", "glitch"}
    for column, value, words in (
        ("label", 99, r"label of the table: got 99 in row 2 \(1 such rows\), expected 0 to 1"),
        ("label", -1, "label of the table: got -1 in row 2"),
        ("glitch", 1, "glitch of the table: got 1 in row 2 .* expected -1 to 0"),
    ):
        with pytest.raises(GwsimError, match=words):
            publish.as_arrays(good.assign(**{column: [*good[column][:2], value]}), known, names)
