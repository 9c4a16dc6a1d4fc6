"""What the quality page of toy pictures says: how classes look, whether noise and draws are right."""

import numpy as np

from gwsim import checks, pictures
from gwsim.figures import page as pages
from gwsim.figures import style
from gwsim.figures.dataset import Dataset, spread
from gwsim.waveforms import toys

SHOWN = 4
# Pictures whose noise is measured.
MEASURED = 1024


def sections(dataset: Dataset) -> list[pages.Section]:
    """Return the sections on toy pictures."""
    return [_examples(dataset), _noise(dataset), _drawn(dataset)]


def _examples(dataset: Dataset) -> pages.Section:
    stored, shown = dataset.array("picture"), {}
    for label, name in enumerate(dataset.classes):
        rows = dataset.table.index[dataset.table["label"] == label].to_numpy()[:SHOWN]
        shown[name] = [(f"row {row}", stored[int(row)].read().result()) for row in rows]
    caption = "The first examples of each class, on one colour scale."
    prose = "Chirps rise and last; blips are blots; noise is in every picture."
    picture = pages.Picture("examples", sheet(shown), caption)
    return pages.Section("examples", "Examples", prose, [], [], [picture])


def sheet(shown: dict[str, list[tuple[str, np.ndarray]]], limits: tuple[float, float] | None = None):
    """Return a figure with a line of pictures for each name; pictures come with their titles."""
    wide = max(map(len, shown.values()))
    figure, axes = style.subplots(len(shown), wide, 1.25 * len(shown) + 0.4)
    values = np.concatenate([one.ravel() for line in shown.values() for _, one in line])
    low, high = limits or np.quantile(values, [0.001, 0.999])
    for line, (name, entries) in zip(axes, shown.items(), strict=True):
        for axis, entry in zip(line, entries + [None] * (wide - len(entries)), strict=True):
            axis.set_xticks([]), axis.set_yticks([]), axis.grid(False)
            if entry is None:
                axis.spines[:].set_visible(False)
                continue
            image = axis.imshow(entry[1], origin="lower", aspect="auto", vmin=low, vmax=high)
            axis.set_title(entry[0], fontsize=7.5)
        line[0].set_ylabel(name)
    figure.colorbar(image, ax=axes.ravel().tolist(), label="value", pad=0.01, aspect=40)
    figure.supxlabel("time (column), 0 at the left", fontsize=8)
    figure.supylabel("frequency (row), 0 at the bottom", fontsize=8)
    return figure


def _noise(dataset: Dataset) -> pages.Section:
    """Return what is left of pictures without their signals: white noise."""
    render = {**dataset.experiment["render"], "whiten": "none"}
    renderer = pictures.Renderer(render, dataset.systems)
    rows = spread(dataset.table.index.to_numpy(), MEASURED)
    signals = np.stack([renderer.form(int(dataset.table["system"][row])) for row in rows])
    left = (dataset.array("picture")[rows].read().result() - signals) / renderer.noise
    prose = (
        f"Noise is what {len(rows)} pictures have beside the signals that their rows name, over its standard "
        f"deviation, {renderer.noise:g}. Neighbours are pixels side by side, in time and in frequency."
    )
    return pages.Section("noise", "Noise", prose, noise_checks(left))


def noise_checks(left: np.ndarray) -> list[checks.Check]:
    """Expect noise (sample, row, column) to be normal, of unit variance, and unrelated to its neighbours."""
    count = left.size
    mean, variance = left.mean(), left.var()
    unit = (left - mean) / np.sqrt(variance)
    in_time, in_rows = unit[..., 1:] * unit[..., :-1], unit[:, 1:] * unit[:, :-1]
    return [
        checks.near("mean of the noise", mean, 0.0, count**-0.5),
        checks.near("variance of the noise", variance, 1.0, np.sqrt(2 / count)),
        checks.near("skewness", (unit**3).mean(), 0.0, np.sqrt(6 / count)),
        checks.near("excess kurtosis", (unit**4).mean() - 3, 0.0, np.sqrt(24 / count)),
        checks.near("correlation of neighbours in time", in_time.mean(), 0.0, in_time.size**-0.5),
        checks.near("correlation of neighbours in frequency", in_rows.mean(), 0.0, in_rows.size**-0.5),
    ]


def _drawn(dataset: Dataset) -> pages.Section:
    """Return each parameter beside the distribution that it is drawn of."""
    found, models = [], dataset.experiment["waveforms"]["models"]
    for model, specs in models.items():
        its = dataset.table[dataset.table["label"] == dataset.classes.index(model)]
        # Starts are whole numbers, of which the test knows nothing.
        drawn = [name for name in toys.DRAWN[model] if name != "start_column"]
        found += [checks.uniform(f"{name} of {model}", its[name].to_numpy(), specs[name]) for name in drawn]
    signals = dataset.signals
    rows = [
        [name, len(its), f"{its['snr'].median():.1f}", f"{its['snr'].min():.1f} to {its['snr'].max():.1f}"]
        for label, name in enumerate(dataset.classes)
        if len(its := signals[signals["label"] == label])
    ]
    prose = (
        "Each parameter against the distribution that its configuration names, by the test of Kolmogorov and "
        "Smirnov. SNR is that of a filter which knows the signal: the root of the sum of its squares over "
        "the noise's standard deviation."
    )
    tables = [pages.Table("SNR by class", ["class", "examples", "median", "range"], rows)]
    return pages.Section("parameters", "Parameters", prose, found, tables)
