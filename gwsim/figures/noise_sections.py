"""What the quality page says of the noise: whitening, independence, reuse."""

import itertools

import numpy as np

from gwsim import checks
from gwsim.figures import noise as noise_figures
from gwsim.figures import page as pages
from gwsim.figures.dataset import NOISE_EXAMPLES, Dataset, noise_rows, spread
from gwsim.waveforms import columns as of_source

LISTED = 20
# Every pair of them is compared.
COMPARED_EXAMPLES = 512


def whitened(dataset: Dataset) -> list[pages.Section]:
    """Return the sections on whitening and independence, or one that says why there is nothing to measure."""
    rows, total = noise_rows(dataset)
    if not len(rows):
        return [pages.Section("noise", "Whitened noise", "No example is noise alone: nothing is measured.")]
    edges = checks.band_edges(dataset.configuration["band"])
    slices = dataset.windows(rows)
    measured = checks.gather([checks.measure(strain, dataset.rate, edges) for strain in slices])
    compared = np.concatenate(list(dataset.windows(spread(rows, COMPARED_EXAMPLES))))
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
    variance, power, found = *_expected(dataset, edges, rows), []
    for place, ifo in enumerate(dataset.ifos):
        found += checks.gaussian(ifo, measured.moments[:, place], measured.size, variance[place])
        found += checks.spectrum(ifo, measured.power[:, place], power[place])
    prose = (
        f"{note} Variance and spectrum expected are those that each block's own PSD and filter give, and the "
        "bias of an estimated PSD. The filter takes away lines and what lies within its resolution of them: "
        "bands below 1 are such notches. Errors of skewness and kurtosis are those of stationary Gaussian "
        "noise; glitches and drifts of the detectors show in the kurtosis."
    )
    amplitude_caption = (
        "Whitened amplitudes of noise against the unit Gaussian. Amplitudes beyond "
        f"±{checks.AMPLITUDES[-1]:g} are counted in the outermost bins."
    )
    spectrum_caption = (
        f"Whitened spectrum of noise: mean power in bands of {checks.BAND_WIDTH:g} Hz from {edges[0]:g} to "
        f"{edges[-1]:g} Hz, Hann window; shaded, one sigma; dotted, what PSD and filter give; in grey "
        f"1 ± {checks.SPECTRUM_ROOM:.0%}. Triangles mark bands above the figure."
    )
    amplitudes = noise_figures.amplitudes(measured.counts, dataset.ifos)
    spectrum = noise_figures.spectrum(measured.power, power, edges, dataset.ifos)
    pictures = [
        pages.Picture("amplitudes", amplitudes, amplitude_caption),
        pages.Picture("spectrum", spectrum, spectrum_caption),
    ]
    return pages.Section("noise", "Whitened noise", prose, _verdicts(found, len(rows)), [], pictures)


def _expected(dataset: Dataset, edges, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance (ifo) and the band powers (ifo, band) that these rows' PSDs and filters give."""
    index = dataset.values("psd_index")[rows]
    psd, taps = (dataset.values(name) for name in ("psd", "filter"))
    seconds = dataset.block_seconds[dataset.table["psd_block"].to_numpy()[rows]]
    bias = 1 + checks.PSD_BIAS * dataset.configuration["noise"]["filter"] * np.mean(1 / seconds)
    variance, power = [], []
    for place in range(len(dataset.ifos)):
        own, bands = checks.whitened_power(psd[:, place], taps[:, place], dataset.rate, edges)
        variance.append(own[index[:, place]].mean() * bias)
        power.append(bands[index[:, place]].mean(axis=0) * bias)
    return np.array(variance), np.array(power)


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


def glitched(dataset: Dataset) -> list[pages.Section]:
    """Return the section on simulated glitches in the noise, where there are any."""
    if "glitch" not in dataset.table:
        return []
    its, rows = dataset.table[dataset.table["glitch"] >= 0], []
    for place, one in its.groupby("glitch"):
        of_ifos = [int((one["glitch_ifo"] == ifo).sum()) for ifo in range(len(dataset.ifos))]
        rows.append([of_source.GLITCHES[place], len(one), f"{one['glitch_snr'].median():.1f}", *of_ifos])
    share, wanted = len(its) / len(dataset.table), dataset.settings["glitches"]["fraction"]
    error = np.sqrt(wanted * (1 - wanted) / len(dataset.table))
    found = [checks.near("share of examples with a glitch", share, wanted, error)]
    prose = (
        "Simulated glitches in the noise of examples, signal or none. SNR is that of the loudest Q tile, "
        "alone and whitened by its PSD block's spectrum. What is said of noise alone leaves these out."
    )
    tables = [pages.Table("Glitches by class", ["class", "examples", "median SNR", *dataset.ifos], rows)]
    return [pages.Section("glitches", "Glitches in the noise", prose, found, tables)]


def reuse(dataset: Dataset) -> pages.Section:
    """Return the section on how often the noise is used."""
    seconds = dataset.block_seconds
    block, start = (dataset.table[name].to_numpy() for name in ("psd_block", "start_sample"))
    mine = [b for b, entry in enumerate(dataset.blocks) if entry["split"] == dataset.settings["split"]]
    used = [checks.uses(start[block == b], dataset.window, int(seconds[b]), dataset.rate) for b in mine]
    prose = (
        f"The configuration says reuse: {dataset.reuse}. The reuse factor is seconds of examples over "
        "seconds of noise in the split; where it is above one, examples share noise, and errors that take "
        "them for independent are too small."
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
    tables = [pages.Table(f"PSD blocks ({min(LISTED, len(rows))} of {len(rows)})", heads, rows[:LISTED])]
    found = _reuse_checks(dataset, mine, max(one.max() for one in used))
    return pages.Section("reuse", "Reuse of noise", prose, found, tables, [picture])


def _reuse_checks(dataset: Dataset, mine: list[int], most: float) -> list[checks.Check]:
    table, seconds = dataset.table, dataset.block_seconds
    block, start = table["psd_block"].to_numpy(), table["start_sample"].to_numpy()
    counts = np.bincount(dataset.independent["psd_block"], minlength=len(dataset.blocks))[mine]
    places = np.maximum(seconds[mine] * dataset.rate - 2 * dataset.margin - dataset.window + 1, 0)
    text = "largest use of a second of noise"
    return [
        checks.at_most("examples outside the split", int((~np.isin(block, mine)).sum()), 0),
        checks.inside(start, dataset.window, dataset.margin, seconds[block] * dataset.rate),
        checks.told("reuse factor", len(table) * dataset.experiment["duration"] / seconds[mine].sum()),
        checks.at_most(text, most, 1) if dataset.reuse == "never" else checks.told(text, most),
        checks.shared_out(counts, places),
    ]
