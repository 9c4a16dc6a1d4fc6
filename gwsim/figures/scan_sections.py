"""What the quality page of Q-scans says of the glitches: how they look, how loud they are, how bright."""

from pathlib import Path

import numpy as np

from gwsim import checks
from gwsim.conventions import SCAN_DURATIONS
from gwsim.errors import GwsimError
from gwsim.figures import page as pages
from gwsim.figures import scans
from gwsim.figures.dataset import Dataset, spread

# Mean, 0 to 1, of all pictures of the published training and validation sets, whose grey is viridis's luma.
PUBLISHED_GREY = (0.1783, 0.1644, 0.1513, 0.1418)
# The loudest of n independent tiles of Gaussian noise has an SNR of sqrt(2 ln n): this for 2e8 of them.
LOUDEST_OF_NOISE = 6.2
# Examples that are read to measure brightness.
MEASURED = 512


def sections(dataset: Dataset) -> list[pages.Section]:
    """Return the sections on glitches."""
    return [_sheet(dataset), *([_loudness(dataset)] if "snr_scan" in dataset.table else [])]


def _sheet(dataset: Dataset) -> pages.Section:
    """Return the contact sheet: simulated beside real where real is given."""
    real, scanned = _real(dataset), dataset.array("qscan")
    rows = {}
    shown = min(scans.SHOWN, int(dataset.table["label"].value_counts().max()))
    for label, name in enumerate(dataset.classes):
        mine = dataset.table.index[dataset.table["label"] == label].to_numpy()[:shown]
        found = [scanned[int(row)].read().result() for row in mine]
        found += [None] * (shown - len(found))
        rows[name] = ([real.get(name)] if real else []) + found
    heads = (["Gravity Spy"] if real else []) + ["this dataset", *[""] * (shown - 1)]
    beside = "Left, a picture of Gravity Spy's of the same class. " if real else ""
    prose = (
        f"{beside}The first examples of each class, in {scans.DURATIONS}. A class that looks unlike its real "
        "pictures teaches a network something that is not there."
    )
    caption = (
        f"Q-scans of every class in {scans.DURATIONS} (from left to right), 10.9 to 1916 Hz on a logarithmic "
        "axis; one colour scale, energy of tiles cut at 25.5."
    )
    picture = pages.Picture("contact", scans.sheet(rows, heads), caption)
    alone = len(rows.keys() - real.keys())
    told = [checks.told("classes without a real picture beside them", alone)] if real else []
    return pages.Section("contact", "Contact sheet", prose, told + _grey(dataset), [], [picture])


def _real(dataset: Dataset) -> dict[str, np.ndarray]:
    """Return real views by class, where the configuration names a folder of them."""
    folder = dataset.experiment.get("beside")
    if folder is None:
        return {}
    if not Path(folder).is_dir():
        raise GwsimError(
            f"{folder}: no folder there; hint: `beside` starts at the folder that the workflow runs in"
        )
    from gwsim.gravityspy import sets

    return sets.beside(folder)


def _grey(dataset: Dataset) -> list[checks.Check]:
    """Return the mean brightness of each duration, in the grey of the published sets."""
    from gwsim.gravityspy import archive, images

    rows = spread(dataset.table.index.to_numpy(), MEASURED)
    luma = images.colours() @ np.array(archive.LUMINANCE) / 255
    grey = luma[dataset.array("qscan")[rows].read().result()].mean(axis=(0, 2, 3))
    named = zip(SCAN_DURATIONS, grey, PUBLISHED_GREY, strict=True)
    return [
        checks.told(
            f"mean grey of {duration:g} s", value, f"{real} over Gravity Spy's set, in its proportions"
        )
        for duration, value, real in named
    ]


def _loudness(dataset: Dataset) -> pages.Section:
    table = dataset.table
    of_class = [table[table["label"] == label] for label in range(len(dataset.classes))]
    prose = (
        "SNR is that of the loudest Q tile of the glitch alone, whitened by its PSD block's spectrum. "
        "The scan has noise as well, and whitens and normalises itself: a glitch that fills its strain, or "
        "is very loud, raises the spectrum and the rows' mean that it is measured by, and looks fainter."
    )
    caption = "SNR by class: boxes are quartiles, whiskers 1 % to 99 %."
    shown = {
        "snr": "SNR of the loudest tile, glitch alone",
        "snr_scan": "SNR of the loudest tile in the scan",
    }
    columns = {
        label: [one[name].to_numpy() for one in of_class]
        for name, label in shown.items()
        if table[name].notna().any()  # glitches of the strain itself have no SNR alone
    }
    figure = scans.loudness(columns, dataset.classes)
    rows = [
        [
            name,
            len(its),
            *(f"{its[column].median():.3g}" for column in ("snr", "snr_scan", "peak_frequency", "q_scan")),
        ]
        for name, its in zip(dataset.classes, of_class, strict=True)
    ]
    heads = ["class", "examples", "SNR", "SNR in the scan", "peak frequency (Hz)", "Q of the scan"]
    tables = [pages.Table("Medians by class", heads, rows)]
    return pages.Section(
        "loudness",
        "Signal-to-noise ratios",
        prose,
        _silence(table),
        tables,
        [pages.Picture("loudness", figure, caption)],
    )


def _silence(table) -> list[checks.Check]:
    """Return whether scans without a glitch show what noise has: its loudest of some thousand tiles."""
    silent = table.loc[table["snr_target"].isna(), "snr_scan"]
    if not len(silent) or len(silent) == len(table):
        return []
    text = "median SNR of the loudest tile in scans without a glitch"
    return [checks.at_most(text, silent.median(), LOUDEST_OF_NOISE)]
