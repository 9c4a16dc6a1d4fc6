"""The quality page of a dataset: which numbers and figures tell whether it can be trusted.

Takes a finished dataset's folder, its bank and the PSD blocks; gives one page with pictures beside it.
Columns are read whole, strain in slices of a few rows, and never more than NOISE_EXAMPLES of them: memory
does not grow with the dataset's arrays.
"""

import functools
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import checks, draw, noise, store
from gwsim.conventions import KPC_CM
from gwsim.figures import noise as noise_figures
from gwsim.figures import page as pages
from gwsim.figures import signals, spectrograms, style
from gwsim.waveforms import quadrupole

NOISE_EXAMPLES = 4096
# Every pair of them is compared.
COMPARED_EXAMPLES = 512
SLICE = 64
APART = 0.01
LISTED = 20
# The paper's sample spectrograms have this SNR.
SHOWN_SNR = 40.0


class Dataset:
    """A finished dataset as the page asks for it."""

    def __init__(self, folder: Path, blocks: list[dict]):
        self.folder, self.blocks = folder, blocks
        self.attributes = json.loads((folder / "data.zarr" / "zarr.json").read_text())["attributes"]
        self.manifest = json.loads((folder / store.MANIFEST).read_text())
        self.table = pd.read_parquet(folder / "table.parquet")
        self.systems = pd.read_parquet(folder / "systems.parquet")
        self.configuration = self.attributes["configuration"]
        # The attributes of a dataset hold its own experiment and its own entry, no other.
        (self.experiment,) = self.configuration["experiments"].values()
        (self.settings,) = self.experiment["datasets"].values()
        self.columns = draw.DEFAULTS | self.experiment["draw"] | self.settings["draw"]
        self.classes, self.ifos = self.attributes["classes"], self.configuration["ifos"]
        self.rate = self.configuration["sample_rate"]
        self.window = round(self.experiment["duration"] * self.rate)
        self.half_stft = self.experiment["render"]["spectrogram"]["window"] // 2
        self.noise = self.classes.index(draw.NOISE) if draw.NOISE in self.classes else None
        self.signals = self.table[self.table["label"] != self.noise]

    def array(self, name: str):
        """Return one array of the store, not yet read."""
        return store.open_array(self.folder / "data.zarr" / name)

    def values(self, name: str) -> np.ndarray:
        """Return a small array of the store."""
        return self.array(name).read().result()

    def windows(self, rows: np.ndarray):
        """Yield the strain of the rows' windows, without margins, in slices (sample, ifo, time)."""
        strain, cut = self.array("strain"), slice(self.half_stft, self.half_stft + self.window)
        for first in range(0, len(rows), SLICE):
            yield strain[rows[first : first + SLICE], :, cut].read().result()

    @functools.cached_property
    def independent(self) -> pd.DataFrame:
        """The rows that repeat no other's draws; those of the paired form do, at another distance."""
        paired = self.settings.get("paired", False)
        return self.table.drop_duplicates(["label", "psd_block", "start_sample"]) if paired else self.table

    @functools.cached_property
    def margin(self) -> int:
        """Samples that a window keeps from its block's edges."""
        settings = {"sample_rate": self.rate, "filter": self.configuration["noise"]["filter"]}
        return noise.margin_samples({**settings, "stft_window": 2 * self.half_stft})


def page(folder: Path, bank_path: Path, blocks: list[dict], output: Path) -> None:
    """Write the quality page of a finished dataset, its pictures beside it."""
    dataset = Dataset(folder, blocks)
    title = f"Quality of {dataset.attributes['title']}"
    lead = (
        f"{len(dataset.table)} examples of {len(dataset.classes)} classes, {' '.join(dataset.ifos)}, "
        f"{dataset.experiment['duration']} s at {dataset.rate} Hz. A mark 'look' says that chance explains "
        f"the number with a probability below {checks.CHANCE:.1g}, or that it leaves the range allowed."
    )
    with style.look():
        sections = [
            _snr(dataset),
            _directions(dataset),
            *_noise(dataset),
            _reuse(dataset),
            _classes(dataset),
            _spectrograms(dataset),
            _waveforms(dataset, bank_path),
            _provenance(dataset),
        ]
        pages.write(output, title, lead, sections)


# ---- signals


def _snr(dataset: Dataset) -> pages.Section:
    its, found = dataset.signals, []
    for name, target in (("snr", "snr_target"), ("distance_kpc", "distance_target_kpc")):
        wanted = its[target].notna()
        if wanted.any():
            text = f"{name} against the wanted one, largest relative deviation"
            found.append(checks.same(text, its[name][wanted].to_numpy(), its[target][wanted].to_numpy()))
    of_ifos = np.sqrt(sum(its[f"snr_{ifo}"].to_numpy() ** 2 for ifo in dataset.ifos))
    found.append(
        checks.same("root of the sum of squares of the ifos' SNR against SNR", of_ifos, its["snr"].to_numpy())
    )
    ratio = its["snr_whitened"] / its["snr"]
    apart = its[~((ratio - 1).abs() <= APART)]
    found.append(checks.near("median whitened SNR / SNR", ratio.median(), 1.0, 0.0, APART))
    found.append(checks.told(f"share of rows more than {APART:.0%} apart", len(apart) / max(len(its), 1)))
    cut = (its["snr"] / its["snr_full"]).to_numpy()
    found.append(checks.told("median of SNR in the window / whole SNR", np.median(cut)))
    found.append(checks.at_most("largest SNR in the window / whole SNR", cut.max(initial=0.0), 1.05))
    prose = (
        "SNR is the optimal network SNR of the signal cut to the window, with its block's PSD; whole SNR is "
        "that of the signal not cut. Whitened SNR is the root of the sum of squares of the whitened signal "
        "in the window: it also counts what lies outside the band, and lacks what the filter takes away with "
        "lines or moves across the window's edges."
    )
    caption = (
        "SNR. Left: SNR wanted and realised, or the median SNR of each class by distance. Middle: whitened "
        "SNR over SNR, the band of 1 % in grey. Right: the share of the SNR that lies in the window; boxes "
        "are quartiles, whiskers 1 % to 99 %."
    )
    picture = pages.Picture("snr", signals.snr(its, dataset.classes, dataset.noise), caption)
    tables = [_loudness(dataset), _apart(dataset, apart)]
    return pages.Section("signal-to-noise", "Signal-to-noise ratios", prose, found, tables, [picture])


def _loudness(dataset: Dataset) -> pages.Table:
    rows = []
    for label, its in dataset.signals.groupby("label"):
        low, middle, high = (its["snr"] * its["distance_kpc"] / 10).quantile([0.25, 0.5, 0.75])
        kept = (its["snr"] / its["snr_full"]).median()
        cells = [dataset.classes[label], len(its), f"{its['snr'].median():.1f}", f"{middle:.2f}"]
        rows.append(
            [*cells, f"{low:.2f} to {high:.2f}", f"{its['distance_kpc'].median():.2f}", f"{kept:.1%}"]
        )
    heads = ["class", "examples", "SNR", "SNR at 10 kpc", "quartiles", "distance (kpc)", "in the window"]
    return pages.Table("Medians by class", heads, rows)


def _apart(dataset: Dataset, apart: pd.DataFrame) -> pages.Table:
    share = apart["label"].value_counts().reindex(range(len(dataset.classes)), fill_value=0)
    counts = ", ".join(f"{dataset.classes[label]} {count}" for label, count in share.items() if count)
    caption = f"{len(apart)} rows more than {APART:.0%} apart ({counts or 'no class'}), the first {LISTED}"
    first = apart.head(LISTED)
    names = [dataset.classes[label] for label in first["label"]]
    rows = zip(
        first.index,
        names,
        first["snr"].map("{:.2f}".format),
        first["snr_whitened"].map("{:.2f}".format),
        (first["snr_whitened"] / first["snr"] - 1).map("{:+.1%}".format),
        strict=True,
    )
    return pages.Table(caption, ["row", "class", "SNR", "whitened SNR", "apart"], [list(row) for row in rows])


def _directions(dataset: Dataset) -> pages.Section:
    its = dataset.independent[dataset.independent["label"] != dataset.noise]
    fixed = dataset.systems["fixed_direction"].to_numpy(bool)[its["system"].to_numpy()]
    found, drawn = [], {}
    for name, spec in dataset.columns.items():
        column = its[draw.TARGETS.get(name, name)]
        values = (column[~fixed] if name in ("theta", "phi") else column).to_numpy()
        if len(values):
            found.append(checks.uniform(f"{name} ({checks.law(spec)})", values, spec))
            if checks.law(spec) in checks.LAWS:
                drawn[name] = values
    prose = (
        "Each column against the distribution that its configuration names, by the test of Kolmogorov and "
        "Smirnov (the number found is its p-value; of a constant column, its mean). Directions of sources "
        "that are known in one direction only are left out."
    )
    caption = (
        "Drawn columns, in the variable in which each is uniform (rad, s, or none); dotted, what is expected."
    )
    pictures = [pages.Picture("columns", signals.columns(drawn, dataset.columns), caption)] if drawn else []
    return pages.Section("directions", "Sky, orientation and time", prose, found, [], pictures)


# ---- noise


def noise_rows(dataset: Dataset) -> tuple[np.ndarray, int]:
    """Return rows of noise alone of which no two share noise, and how many there are of them in all."""
    alone = dataset.table[dataset.table["label"] == dataset.noise]
    place = checks.disjoint(alone["psd_block"].to_numpy(), alone["start_sample"].to_numpy(), dataset.window)
    rows = alone.index.to_numpy()[place]
    return _spread(rows, NOISE_EXAMPLES), len(rows)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the rows, evenly spread over them."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def _noise(dataset: Dataset) -> list[pages.Section]:
    rows, total = noise_rows(dataset)
    if not len(rows):
        return [pages.Section("noise", "Whitened noise", "No example is noise alone: nothing is measured.")]
    edges = checks.band_edges(dataset.configuration["band"])
    slices = dataset.windows(rows)
    measured = checks.gather([checks.measure(strain, dataset.rate, edges) for strain in slices])
    compared = np.concatenate(list(dataset.windows(_spread(rows, COMPARED_EXAMPLES))))
    note = (
        f"Measured on {len(rows)} examples of noise alone that share no noise with one another (of {total} "
        f"such among {(dataset.table['label'] == dataset.noise).sum()}; at most {NOISE_EXAMPLES} are read)."
    )
    return [
        _whitening(dataset, measured, edges, rows, note),
        _correlation(dataset, measured, compared, note),
    ]


def _verdicts(found: list[checks.Check], examples: int) -> list[checks.Check]:
    """Return the checks, without verdict where there are too few examples for the errors to be known."""
    return checks.untested(found, "too few examples to test") if examples < checks.FEWEST else found


def _whitening(dataset: Dataset, measured: checks.Measured, edges, rows, note) -> pages.Section:
    bias, found = _psd_bias(dataset, rows), []
    for place, ifo in enumerate(dataset.ifos):
        found += checks.gaussian(ifo, measured.moments[:, place], measured.size, bias)
        found += checks.flat(ifo, measured.power[:, place])
    prose = (
        f"{note} The variance expected is 1 and the bias that an estimated PSD brings, {bias:.2%} here. "
        "The filter takes away lines and what lies within its resolution of them: bands below 1 are notches, "
        "a band above 1 is a line left standing. Errors of skewness and kurtosis are those of stationary "
        "Gaussian noise; glitches and drifts of the detectors show in the kurtosis."
    )
    amplitude_caption = (
        "Whitened amplitudes of noise against the unit Gaussian. Amplitudes beyond "
        f"±{checks.AMPLITUDES[-1]:g} are counted in the outermost bins."
    )
    spectrum_caption = (
        f"Whitened spectrum of noise: mean power in bands of {checks.BAND_WIDTH:g} Hz from {edges[0]:g} to "
        f"{edges[-1]:g} Hz, Hann window; shaded, one sigma, and in grey 1 ± {checks.SPECTRUM_ROOM:.0%}."
    )
    amplitudes = noise_figures.amplitudes(measured.counts, dataset.ifos)
    spectrum = noise_figures.spectrum(measured.power, edges, dataset.ifos)
    pictures = [
        pages.Picture("amplitudes", amplitudes, amplitude_caption),
        pages.Picture("spectrum", spectrum, spectrum_caption),
    ]
    return pages.Section("noise", "Whitened noise", prose, _verdicts(found, len(rows)), [], pictures)


def _psd_bias(dataset: Dataset, rows: np.ndarray) -> float:
    """Return what the PSDs' estimation adds to the variance of these rows."""
    seconds = _block_seconds(dataset)[dataset.table["psd_block"].to_numpy()[rows]]
    return float(checks.PSD_BIAS * dataset.configuration["noise"]["filter"] * np.mean(1 / seconds))


def _block_seconds(dataset: Dataset) -> np.ndarray:
    return np.array([block["end"] - block["start"] for block in dataset.blocks])


def _correlation(dataset: Dataset, measured: checks.Measured, compared, note) -> pages.Section:
    pairs = ["-".join(pair) for pair in itertools.combinations(dataset.ifos, 2)]
    found = []
    for place, pair in enumerate(pairs):
        found += checks.uncorrelated(pair, measured.correlation[:, place])
    if len(compared) > 1:
        found += [checks.unrelated(ifo, compared[:, place]) for place, ifo in enumerate(dataset.ifos)]
    prose = (
        f"{note} Between ifos, the normalised correlation is averaged over examples at each lag. Between "
        f"examples, every two of {len(compared)} are compared at lag zero, ifo by ifo; 'at most' is what "
        f"chance passes with a probability of {checks.CHANCE:.1g}."
    )
    caption = (
        f"Correlation between ifos. Mean over the examples at each lag; in grey, ±{checks.SIGMAS:g} sigma of "
        "chance at one lag."
    )
    figure = noise_figures.correlation(measured.correlation, dataset.rate, pairs) if pairs else None
    pictures = [pages.Picture("correlation", figure, caption)] if pairs else []
    verdicts = _verdicts(found, len(measured.correlation))
    return pages.Section("correlation", "Independence", prose, verdicts, [], pictures)


def _reuse(dataset: Dataset) -> pages.Section:
    table, seconds = dataset.table, _block_seconds(dataset)
    block, start = table["psd_block"].to_numpy(), table["start_sample"].to_numpy()
    splits = {dataset.blocks[b]["split"] for b in np.unique(block)}
    mine = [b for b, entry in enumerate(dataset.blocks) if entry["split"] in splits]
    used = [checks.uses(start[block == b], dataset.window, int(seconds[b]), dataset.rate) for b in mine]
    factor = len(table) * dataset.experiment["duration"] / seconds[mine].sum()
    counts = np.bincount(dataset.independent["psd_block"], minlength=len(dataset.blocks))[mine]
    places = np.maximum(seconds[mine] * dataset.rate - 2 * dataset.margin - dataset.window + 1, 0)
    reuse = dataset.settings.get("reuse", "overlap")
    most = max(one.max() for one in used)
    found = [
        checks.at_most("splits beside the dataset's own", len(splits - {dataset.settings["split"]}), 0),
        checks.inside(start, dataset.window, dataset.margin, seconds[block] * dataset.rate),
        checks.told("reuse factor", factor),
        checks.at_most("largest use of a second of noise", most, 1)
        if reuse == "never"
        else checks.told("largest use of a second of noise", most),
        checks.shared_out(counts, places),
    ]
    prose = (
        f"The configuration says reuse: {reuse}. The reuse factor is seconds of examples over seconds of "
        "noise in the split; where it is above one, examples share noise, and errors that take them for "
        "independent are too small."
    )
    caption = (
        "Reuse of noise: seconds of the split's noise by how many examples use them (margins not counted)."
    )
    picture = pages.Picture("reuse", noise_figures.reuse(np.concatenate(used)), caption)
    rows = [
        [b, dataset.blocks[b]["start"], int(seconds[b]), int((block == b).sum()), f"{one.mean():.2f}"]
        for b, one in zip(mine, used, strict=True)
    ]
    heads = ["block", "GPS start", "seconds", "examples", "mean use"]
    tables = [pages.Table(f"PSD blocks (the first {LISTED} of {len(rows)})", heads, rows[:LISTED])]
    return pages.Section("reuse", "Reuse of noise", prose, found, tables, [picture])


# ---- examples


def _classes(dataset: Dataset) -> pages.Section:
    table = dataset.table
    counts = np.bincount(table["label"], minlength=len(dataset.classes))
    strangers = (~table["label"].between(0, len(dataset.classes) - 1)).sum()
    found = [
        checks.balance("examples of the largest class less the smallest", counts),
        checks.at_most("labels that no class has", int(strangers), 0),
    ]
    for name, spec in dataset.columns.items():
        if checks.law(spec) == "grid":
            cells = dataset.signals.groupby(["label", draw.TARGETS.get(name, name)]).size()
            text = f"examples of a class at a value of {name}, most less least"
            found.append(checks.balance(text, cells.to_numpy()))
    prose = "Each cycle of rows has every class once, so that classes differ by one example at most."
    caption = "Examples of each class, in the order of their labels; dotted, the mean."
    picture = pages.Picture(
        "classes", signals.balance(counts[: len(dataset.classes)], dataset.classes, dataset.noise), caption
    )
    rows = [[label, name, int(counts[label])] for label, name in enumerate(dataset.classes)]
    tables = [pages.Table("Classes", ["label", "class", "examples"], rows)]
    return pages.Section("classes", "Classes", prose, found, tables, [picture])


def shown_rows(dataset: Dataset) -> list[int]:
    """Return one row of each class, signals first: the one nearest to SHOWN_SNR, or the first."""
    rows = []
    for label in range(len(dataset.classes)):
        its = dataset.table[dataset.table["label"] == label]
        if len(its):
            far = (its["snr"] - SHOWN_SNR).abs()
            rows.append(int(far.idxmin() if far.notna().any() else its.index[0]))
    return sorted(rows, key=lambda row: dataset.table["label"][row] == dataset.noise)


def _spectrograms(dataset: Dataset) -> pages.Section:
    rows, ifo = shown_rows(dataset), dataset.ifos[0]
    panels = dataset.array("spectrogram")[np.array(rows), 0].read().result()
    titles = [_panel_title(dataset.table.loc[row], dataset.classes, ifo) for row in rows]
    figure, top = spectrograms.grid(panels, titles, dataset.values("frame"), dataset.values("frequency"))
    prose = (
        f"One example of each class in {ifo}: the one whose network SNR is nearest to {SHOWN_SNR:g} (rows "
        f"{', '.join(map(str, rows))})."
    )
    caption = (
        f"Sample spectrograms in {ifo}. STFT magnitude of the whitened strain, whose mean square is one in "
        f"noise; one colour scale for all panels, 0 to {top:g}. Titles: class, network SNR, SNR in {ifo}."
    )
    picture = pages.Picture("spectrograms", figure, caption)
    return pages.Section("spectrograms", "Sample spectrograms", prose, [], [], [picture])


def _panel_title(row: pd.Series, classes: list[str], ifo: str) -> str:
    name = classes[int(row["label"])]
    return name if np.isnan(row["snr"]) else f"{name}\nSNR {row['snr']:.1f} ({ifo} {row[f'snr_{ifo}']:.1f})"


def polar_plus(bank_path: Path, systems: pd.DataFrame, convention: str) -> dict[int, np.ndarray]:
    """Return h+ at 1 kpc from the polar direction of each class's first system, by label."""
    bank = store.open_array(bank_path / "quadrupole")
    plus, _ = quadrupole.weights(0.0, 0.0, convention)
    first = systems.drop_duplicates("label").index
    entries = {int(systems["label"][row]): bank[int(row)].read().result() for row in first}
    return {label: plus @ entry.astype(np.float64) / KPC_CM for label, entry in entries.items()}


def _waveforms(dataset: Dataset, bank_path: Path) -> pages.Section:
    render = dataset.experiment["render"]
    waveforms = polar_plus(bank_path, dataset.systems, render["polarisation_convention"])
    setup = {name: getattr(dataset, name) for name in ("classes", "noise", "ifos", "rate")}
    psd = dataset.array("psd")[0].read().result()
    figure = signals.asd(waveforms, psd, dataset.values("psd_frequency"), setup)
    prose = (
        "The plus mode of each class at 1 kpc, seen from the pole, over the noise of the dataset's first PSD "
        "block. A surrogate resembles a published simulation in spectrum, duration and loudness; it is not "
        "that simulation's data."
    )
    caption = (
        "Spectra of the waveforms' plus mode at 1 kpc from the polar direction: 2 |h(f)| √f, its power "
        f"averaged over 1/{signals.PER_OCTAVE} octave, against the noise's √S(f). So the SNR squared of an "
        "optimally placed ifo is the integral over ln f of the squared ratio of the two."
    )
    rows = [[s["model"], s["source"], s["realisation"], s["fixed_direction"]] for _, s in _first(dataset)]
    heads = ["model", "source", "realisation", "one direction only"]
    caption_of_table = f"Systems (the first {LISTED} of {len(dataset.systems)})"
    tables = [pages.Table(caption_of_table, heads, rows)]
    return pages.Section(
        "waveforms", "Waveforms", prose, [], tables, [pages.Picture("waveforms", figure, caption)]
    )


def _first(dataset: Dataset):
    return dataset.systems.head(LISTED).iterrows()


def _provenance(dataset: Dataset) -> pages.Section:
    attributes = dataset.attributes
    size = sum(entry["bytes"] for entry in dataset.manifest["files"].values())
    kept = ("source", "licence", "seed", "revision", "noise_manifest_sha256", "surrogates_sha256")
    rows = [[name, attributes[name]] for name in kept if name in attributes]
    rows += [["run", dataset.configuration["run"]], ["split", dataset.settings["split"]]]
    rows += [
        ["shards", len(dataset.manifest["shards"])],
        ["size (MiB)", f"{size / 2**20:.1f}"],
        ["draw", json.dumps(dataset.columns)],
        ["reuse", dataset.settings.get("reuse", "overlap")],
        *([f"version of {name}", version] for name, version in attributes["versions"].items()),
    ]
    seconds, splits = _block_seconds(dataset), sorted({block["split"] for block in dataset.blocks})
    of_splits = [
        [split, sum(mine), int(seconds[mine].sum()), f"{seconds[mine].min()} to {seconds[mine].max()}"]
        for split in splits
        for mine in [np.array([block["split"] == split for block in dataset.blocks])]
    ]
    tables = [
        pages.Table("What the dataset was made with", ["what", "value"], rows),
        pages.Table("PSD blocks by split", ["split", "blocks", "seconds", "each"], of_splits),
    ]
    prose = "From the store's own attributes and manifest; `gwsim verify` proves the files unaltered."
    return pages.Section("provenance", "Provenance", prose, [], tables)
