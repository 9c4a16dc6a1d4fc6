"""How well SEOBNRv4_opt matches SEOBNRv4, and how long waveforms take on one core.

    python benchmarks/approximants.py [--systems 500] [--spinning 100] [--seed 5] [--seconds 4.25]

Systems as the paper draws binary black holes, 5 to 80 solar masses each, without spin; then some with
spins of -0.9 to 0.9 along the orbit. Each waveform begins `seconds` before merger, or earlier so
that the band from 20 Hz on is whole; the match is that of pycbc.filter, maximised over time and phase, at
4096 Hz, from 20 to 1600 Hz, over the O3 PSD of L1. A line per system; then the worst, the median, a histogram
by total mass and the time of both. Last, the time of an entry, per class and approximant.
"""

import argparse
import statistics
import time

import numpy as np

from gwsim.strain import psds
from gwsim.waveforms import cbc

RATE, BAND, TAPER = 4096, (20.0, 1600.0), 0.2
REFERENCE, OPTIMISED = "SEOBNRv4", "SEOBNRv4_opt"
RING_DOWN = 0.5  # s after merger: of 160 solar masses with high spin, too
CLASSES = {
    "BBH": ((5, 80), (5, 80), (REFERENCE, OPTIMISED)),
    "NSBH": ((5, 35), (1, 2), ("SpinTaylorT4",)),
    "BNS": ((1, 2), (1, 2), ("SpinTaylorT4",)),
}


def draw(generator, one: tuple, other: tuple, spin: float) -> dict:
    """Return a system with the heavier mass first."""
    masses = sorted((generator.uniform(*one), generator.uniform(*other)), reverse=True)
    spins = generator.uniform(-spin, spin, 2)
    angles = np.arccos(generator.uniform(-1, 1)), generator.uniform(0, 2 * np.pi)
    names = ("mass_1", "mass_2", "spin_1z", "spin_2z", "inclination", "phase")
    return dict(zip(names, map(float, (*masses, *spins, *angles)), strict=True))


def before(system: dict, seconds: float) -> float:
    """Return how long before merger the entry begins, its taper included: whole samples."""
    return np.ceil(16 * (1.05 * max(seconds, float(cbc.time_left(BAND[0], system))) + TAPER)) / 16


def matched(system: dict, seconds: float) -> tuple[float, dict, float]:
    """Return the mismatch of a system's two waveforms, the seconds each took, and f_start."""
    from pycbc.filter import match
    from pycbc.types import FrequencySeries, TimeSeries

    start = -before(system, seconds)
    length = 1 << int(np.ceil(np.log2((RING_DOWN - start) * RATE)))
    series, took = {}, {}
    for approximant in (REFERENCE, OPTIMISED):
        begun = time.process_time()
        entry = cbc.polarisations(approximant, system, RATE, start, round((RING_DOWN - start) * RATE), TAPER)
        took[approximant] = time.process_time() - begun
        # Plus scaled to one inclination is |h22|'s real part: the match does not depend on the inclination.
        padded = np.pad(entry.plus, (0, length - len(entry.plus)))
        series[approximant] = TimeSeries(padded / np.abs(padded).max(), delta_t=1 / RATE)
    frequencies = np.arange(length // 2 + 1) * RATE / length
    psd = FrequencySeries(psds.model_psd("o3", "L1", frequencies), delta_f=RATE / length)
    low, high = BAND
    found, _ = match(
        *series.values(),
        psd=psd,
        low_frequency_cutoff=low,
        high_frequency_cutoff=high,
        subsample_interpolation=True,
    )
    return 1 - found, took, entry.f_start


def survey(systems: int, spin: float, seed: int, seconds: float) -> None:
    """Print a line per system, then what all of them say."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(systems):
        system = draw(generator, (5, 80), (5, 80), spin)
        try:
            mismatch, took, f_start = matched(system, seconds)
        except cbc.Refused as refused:
            print(number, "refused:", refused, flush=True)
            continue
        rows.append((mismatch, system, took))
        told = " ".join(f"{value:.6f}" for value in system.values())
        spent = " ".join(f"{value:.3f}" for value in took.values())
        print(f"{number} {told} mismatch {mismatch:.3e} from {f_start:.2f} Hz took {spent} s", flush=True)
    summarise(rows, spin)


def summarise(rows: list, spin: float) -> None:
    """Print worst, median, the histogram by total mass, and times."""
    mismatches = np.array([mismatch for mismatch, _, _ in rows])
    totals = np.array([system["mass_1"] + system["mass_2"] for _, system, _ in rows])
    worst = rows[int(mismatches.argmax())]
    print(f"\n{len(rows)} systems, spins within {spin:g}: mismatch of {OPTIMISED} against {REFERENCE}")
    print(f"worst {worst[0]:.3e} of {worst[1]}")
    print("median {:.3e}, 90 % {:.3e}, 99 % {:.3e}".format(*np.quantile(mismatches, [0.5, 0.9, 0.99])))
    edges = [-np.inf, -5, -4.5, -4, -3.5, -3, np.inf]
    print(
        "total mass   systems   median     worst      "
        "log10 of the mismatch: below -5, to -4.5, -4, -3.5, -3, above"
    )
    for low in range(10, 160, 30):
        inside = mismatches[(totals >= low) & (totals < low + 30)]
        if len(inside):
            counts, _ = np.histogram(np.log10(np.maximum(inside, 1e-16)), edges)
            print(
                f"{low:4d} to {low + 30:3d}  {len(inside):8d}   "
                f"{np.median(inside):.2e}   {inside.max():.2e}   {counts}"
            )
    times = {name: statistics.median(took[name] for _, _, took in rows) for name in (REFERENCE, OPTIMISED)}
    ratio = statistics.median(took[REFERENCE] / took[OPTIMISED] for _, _, took in rows)
    print(f"median seconds {times}, ratio {ratio:.1f}\n")


def timing(count: int, seconds: float, seed: int) -> None:
    """Print the mean time of an entry per class and approximant."""
    samples = round((seconds + 0.25) * RATE)
    for name, (one, other, approximants) in CLASSES.items():
        for approximant in approximants:
            generator = np.random.default_rng(seed)
            drawn = [draw(generator, one, other, 0.0) for _ in range(count)]
            begun = time.process_time()
            for system in drawn:
                cbc.polarisations(approximant, system, RATE, -seconds, samples)
            print(
                f"{name:5s} {approximant:13s} {(time.process_time() - begun) / count * 1e3:8.2f} ms an entry",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", type=int, default=500)
    parser.add_argument("--spinning", type=int, default=100)
    parser.add_argument("--entries", type=int, default=50)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.25)
    args = parser.parse_args()
    timing(args.entries, args.seconds, args.seed)
    survey(args.systems, 0.0, args.seed, args.seconds)
    if args.spinning:
        survey(args.spinning, 0.9, args.seed + 1, args.seconds)


if __name__ == "__main__":
    main()
