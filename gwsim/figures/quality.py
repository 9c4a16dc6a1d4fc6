"""The quality page of a dataset: which numbers and figures tell whether it can be trusted.

Takes a finished dataset's folder, its bank and the PSD blocks; gives one page with pictures beside it.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from gwsim import checks, draw
from gwsim.figures import noise_sections, picture_sections, scan_sections, signals, spectrograms, style
from gwsim.figures import page as pages
from gwsim.figures.dataset import SHOWN_SNR, Dataset, shown_rows
from gwsim.waveforms import columns as of_source
from gwsim.waveforms import sources

APART = 0.01
# Sources whose examples are as many of each class as there are.
LISTED_SOURCES = ("triggers", "pictures")
# More of a signal's SNR than lines explain.
TAKEN = 0.05
LISTED = 20


def page(folder: Path, bank_path: Path | None, blocks: list[dict], output: Path) -> None:
    """Write the quality page of a finished dataset, its pictures beside it.

    Datasets of Q-scans have no bank, those of given pictures no PSD blocks either.
    """
    dataset = Dataset(folder, blocks)
    title = f"Quality of {dataset.attributes['title']}"
    lead = (
        f"{len(dataset.table)} examples of {len(dataset.classes)} classes, {_strain_of(dataset)}. A mark "
        f"'look' says that chance explains the number with a probability below {checks.CHANCE:.1g}, or that "
        "it leaves the range allowed."
    )
    with style.look():
        if dataset.toys:
            its_own = picture_sections.sections(dataset)
        else:
            its_own = scan_sections.sections(dataset) if dataset.scans else _of_strain(dataset, bank_path)
        noise = [noise_sections.reuse(dataset)] if blocks else []
        common = [*noise, _classes(dataset), _provenance(dataset)]
        pages.write(output, title, lead, [*its_own, *common])


def _strain_of(dataset: Dataset) -> str:
    """Return how much strain an example has, and of what, in words; given pictures do not tell."""
    if dataset.toys:
        return "toy pictures"
    if dataset.source == "pictures":
        return f"{' '.join(dataset.ifos)}, pictures as they were given"
    return f"{' '.join(dataset.ifos)}, {dataset.experiment['duration']} s at {dataset.rate} Hz"


def _of_strain(dataset: Dataset, bank_path: Path) -> list[pages.Section]:
    """Return the sections on whitened strain with signals of the sky."""
    return [
        _snr(dataset, bank_path),
        _directions(dataset),
        *noise_sections.whitened(dataset),
        *noise_sections.glitched(dataset),
        _spectrograms(dataset),
        _waveforms(dataset, bank_path),
    ]


# ---- signals


def _snr(dataset: Dataset, bank_path: Path) -> pages.Section:
    its = dataset.signals
    apart = its[~((its["snr_whitened"] / its["snr"] - 1).abs() <= APART)]
    prose = (
        "SNR is the optimal network SNR of the signal cut to the window, with its block's PSD; whole SNR is "
        "that of the signal not cut, which can be the smaller of the two: a cut spreads power to frequencies "
        "of less noise. Whitened SNR is the root of the sum of squares of the whitened signal in the window: "
        "it also counts what lies outside the band, and lacks what the filter takes away with lines or moves "
        "across the window's edges. What is expected of a class is what the first block's filters leave of "
        "its waveform below."
    )
    caption = (
        "SNR. Left: SNR wanted and realised, or the median SNR of each class by distance. Middle: whitened "
        "SNR over SNR, the band of 1 % in grey. Right: the share of the SNR that lies in the window; boxes "
        "are quartiles, whiskers 1 % to 99 %."
    )
    picture = pages.Picture("snr", signals.snr(its, dataset.classes, dataset.noise), caption)
    tables = [_loudness(dataset), _apart(dataset, apart)]
    found = _snr_checks(dataset, bank_path, len(apart))
    return pages.Section("signal-to-noise", "Signal-to-noise ratios", prose, found, tables, [picture])


def _snr_checks(dataset: Dataset, bank_path: Path, apart: int) -> list[checks.Check]:
    its, found = dataset.signals, []
    for name, target in (("snr", "snr_target"), ("distance_kpc", "distance_target_kpc")):
        wanted = its[target].notna()
        if wanted.any():
            text = f"{name} against the wanted one, largest relative deviation"
            found.append(checks.same(text, its[name][wanted].to_numpy(), its[target][wanted].to_numpy()))
    of_ifos = np.sqrt(sum(its[f"snr_{ifo}"].to_numpy() ** 2 for ifo in dataset.ifos))
    kept = (its["snr"] / its["snr_full"]).to_numpy()
    return [
        *found,
        checks.same(
            "root of the sum of squares of the ifos' SNR against SNR", of_ifos, its["snr"].to_numpy()
        ),
        *_whitened_snr_checks(dataset, bank_path),
        checks.told(f"share of rows more than {APART:.0%} apart", apart / max(len(its), 1)),
        checks.told("median of SNR in the window / whole SNR", np.median(kept)),
        checks.at_most("largest SNR in the window / whole SNR", kept.max(initial=0.0), 1.05),
    ]


def _whitened_snr_checks(dataset: Dataset, bank_path: Path) -> list[checks.Check]:
    """Return each class's whitened SNR over SNR beside what a block's filters leave of its waveform."""
    filters = tuple(dataset.array(name)[0].read().result() for name in ("psd", "filter"))
    start, found = sources.opened(bank_path).start, []
    for label, strain in dataset.waveforms(bank_path).items():
        name, its = dataset.classes[label], dataset.signals[dataset.signals["label"] == label]
        ratio = (its["snr_whitened"] / its["snr"]).median()
        first = round((-its["event_time"].median() - start) * dataset.rate)
        band = dataset.configuration["band"]
        expected = checks.kept(strain, first, dataset.window, filters, dataset.rate, band)
        told = checks.near(f"median whitened SNR / SNR of {name}", ratio, expected, 0.0, APART)
        few = len(its) < checks.FEWEST
        found += checks.untested([told], "too few examples to test") if few else [told]
        found.append(checks.at_most(f"share of the SNR of {name} that filters take", 1 - expected, TAKEN))
    return found


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
    columns = dataset.drawn()
    found = [
        checks.uniform(f"{name} ({checks.law(spec)})", values, spec)
        for name, (values, spec) in columns.items()
    ]
    drawn = {name: values for name, (values, spec) in columns.items() if checks.law(spec) in checks.LAWS}
    prose = (
        "Each column against the distribution that its configuration names, by the test of Kolmogorov and "
        "Smirnov (the number found is its p-value; of a constant column, its mean). Directions of sources "
        "that are known in one direction only are left out."
    )
    caption = (
        "Drawn columns, in the variable in which each is uniform (rad, s, or none); dotted, what is expected."
    )
    pictures = (
        [
            pages.Picture(
                "columns",
                signals.columns(drawn, {name: spec for name, (_, spec) in columns.items()}),
                caption,
            )
        ]
        if drawn
        else []
    )
    return pages.Section("directions", "Sky, orientation and time", prose, found, [], pictures)


# ---- examples


def _classes(dataset: Dataset) -> pages.Section:
    table = dataset.table
    counts = np.bincount(table["label"], minlength=len(dataset.classes))
    strangers = (~table["label"].between(0, len(dataset.classes) - 1)).sum()
    found = [checks.at_most("labels that no class has", int(strangers), 0)]
    if dataset.source not in LISTED_SOURCES and dataset.settings.get("proportions", "equal") == "equal":
        found.append(checks.balance("examples of the largest class less the smallest", counts))
    for name, spec in dataset.columns.items():
        if checks.law(spec) == "grid":
            cells = dataset.signals.groupby(["label", draw.TARGETS.get(name, name)]).size()
            text = f"examples of a class at a value of {name}, most less least"
            found.append(checks.balance(text, cells.to_numpy()))
    prose = "Each cycle of rows has every class once, so that classes differ by one example at most."
    if dataset.source in LISTED_SOURCES:
        prose = "As many of each class as the set or the list has, within what was asked for."
    elif dataset.settings.get("proportions") == "published":
        prose = "Classes are as frequent as in Gravity Spy's training set."
    caption = "Examples of each class, in the order of their labels; dotted, the mean."
    picture = pages.Picture(
        "classes", signals.balance(counts[: len(dataset.classes)], dataset.classes, dataset.noise), caption
    )
    rows = [[label, name, int(counts[label])] for label, name in enumerate(dataset.classes)]
    tables = [pages.Table("Classes", ["label", "class", "examples"], rows)]
    return pages.Section("classes", "Classes", prose, found, tables, [picture])


def _spectrograms(dataset: Dataset) -> pages.Section:
    rows, ifo = shown_rows(dataset), dataset.ifos[0]
    panels, axes = dataset.spectrograms(np.array(rows))
    titles = [_panel_title(dataset.table.loc[row], dataset.classes, ifo) for row in rows]
    figure, top = spectrograms.grid(panels, titles, axes["frame"], axes["frequency"])
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


def _waveforms(dataset: Dataset, bank_path: Path) -> pages.Section:
    waveforms = dataset.waveforms(bank_path)
    setup = {name: getattr(dataset, name) for name in ("classes", "noise", "ifos", "rate")}
    psd = dataset.array("psd")[0].read().result()
    figure = signals.asd(waveforms, psd, dataset.values("psd_frequency"), setup)
    prose = (
        f"The plus mode of each class, {of_source.SHOWN[dataset.source]}, over the noise of the dataset's "
        f"first PSD block. {of_source.CARD[dataset.source].replace('`', '')}"
    )
    caption = (
        f"Spectra of the waveforms' plus mode, {of_source.SHOWN[dataset.source]}: 2 |h(f)| √f, its power "
        f"averaged over 1/{signals.PER_OCTAVE} octave, against the noise's √S(f). So the SNR squared of an "
        "optimally placed ifo is the integral over ln f of the squared ratio of the two."
    )
    found = []
    if "attempt" in dataset.table:
        found.append(
            checks.told("signals drawn anew, which LAL refused", int((dataset.signals["attempt"] > 0).sum()))
        )
    picture = pages.Picture("waveforms", figure, caption)
    return pages.Section("waveforms", "Waveforms", prose, found, [_systems(dataset)], [picture])


def _systems(dataset: Dataset) -> pages.Table:
    """Return the first systems as a table, without columns that are zero for all of them."""
    systems = dataset.systems.drop(columns="label")
    kept = [name for name in systems if name not in of_source.SPINS or systems[name].any()]
    first = systems[kept].head(LISTED)
    rows = [[f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in first.to_numpy()]
    caption = f"Systems ({len(first)} of {len(systems)})"
    return pages.Table(caption, [name.replace("_", " ") for name in kept], rows)


def _provenance(dataset: Dataset) -> pages.Section:
    attributes = dataset.attributes
    size = sum(entry["bytes"] for entry in dataset.manifest["files"].values())
    kept = ("source", "licence", "seed", "revision", "noise_manifest_sha256", "surrogates_sha256", "left_out")
    rows = [[name, attributes[name]] for name in kept if name in attributes]
    rows += [["run", dataset.configuration["run"]], ["split", dataset.settings["split"]]]
    rows += [
        ["shards", len(dataset.manifest["shards"])],
        ["size (MiB)", f"{size / 2**20:.1f}"],
        ["draw", json.dumps(dataset.columns)],
        *([] if dataset.toys else [["reuse", dataset.reuse]]),
        *([f"version of {name}", version] for name, version in attributes["versions"].items()),
    ]
    seconds, splits = dataset.block_seconds, sorted({block["split"] for block in dataset.blocks})
    of_splits = [
        [split, sum(mine), int(seconds[mine].sum()), f"{seconds[mine].min()} to {seconds[mine].max()}"]
        for split in splits
        for mine in [np.array([block["split"] == split for block in dataset.blocks])]
    ]
    tables = [
        pages.Table("What the dataset was made with", ["what", "value"], rows),
        *(
            [pages.Table("PSD blocks by split", ["split", "blocks", "seconds", "each"], of_splits)]
            if splits
            else []
        ),
    ]
    prose = "From the store's own attributes and manifest; `gwsim verify` proves the files unaltered."
    return pages.Section("provenance", "Provenance", prose, [], tables)
