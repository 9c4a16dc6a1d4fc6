"""How near `cbc_scaled` is to LAL over the paper's ranges, and how fast.

    python benchmarks/cbc_scaled.py [--systems 1000] [--slow 50] [--only CLASS]

Mismatches are of 4.1 s at 4096 Hz that end with the merger (SEOBNRv4: with the ring-down), the first 0.1 s
faded in on both sides, against the O3 model of L1 between 20 and 1600 Hz, the worse of plus and cross:
`same` at LAL's own time and phase of merger, found from LAL at a higher rate, so that only an amplitude is
free; `best` after a maximum over time and phase; `raw` as `same`, SpinTaylorT4's end not tapered (LAL runs on
beyond the least energy, by up to a step of its integrator). `scale` is the root
of LAL's power over ours, less 1.
"""

import argparse
import time

import lal
import lalsimulation
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.signal import resample
from scipy.signal.windows import tukey

from gwsim.strain.psds import model_psd
from gwsim.waveforms import cbc_scaled, post_newtonian

RATE, BEFORE, FADE, PADDED = 4096, 4.1, 0.1, 8
BAND = (20.0, 1600.0)
CLASSES = {
    "BBH": ("SEOBNRv4_opt", (5, 80), (5, 80)),
    "BBH slow": ("SEOBNRv4", (5, 80), (5, 80)),
    "NSBH": ("SpinTaylorT4", (5, 35), (1, 2)),
    "BNS": ("SpinTaylorT4", (1, 2), (1, 2)),
}


def draw(count, first, second, seed):
    rng = np.random.default_rng(seed)
    return {
        "mass_1": rng.uniform(*first, count),
        "mass_2": rng.uniform(*second, count),
        "inclination": np.arccos(rng.uniform(-1, 1, count)),
        "phase": rng.uniform(0, 2 * np.pi, count),
    }


def lal_wave(approximant, system, rate, first, inclination, phase):
    masses = (system[name] * lal.MSUN_SI for name in ("mass_1", "mass_2"))
    number = lalsimulation.GetApproximantFromString(approximant)
    return lalsimulation.SimInspiralChooseTDWaveform(
        *masses, *[0.0] * 6, 1.0, inclination, phase, 0.0, 0.0, 0.0, 1 / rate, first, 0.0, None, number
    )


def first_frequency(system, seconds):
    """The leading order, of a length a third above what is asked for."""
    mass = (system["mass_1"] + system["mass_2"]) * lal.MTSUN_SI
    eta = system["mass_1"] * system["mass_2"] / (system["mass_1"] + system["mass_2"]) ** 2
    return (256 * eta / 5 * 1.35 * seconds / mass) ** -0.375 / np.pi / mass


def lal_orbit(system, rate, first):
    series = lalsimulation.SimInspiralSpinTaylorPNEvolveOrbit(
        1 / rate, system["mass_1"] * lal.MSUN_SI, system["mass_2"] * lal.MSUN_SI, first,
        *[0.0] * 9, 1.0, 1.0, *[0.0] * 4, 1.0, 1.0, -1, -1, -1, 0, lalsimulation.SpinTaylorT4,
    )  # fmt: skip
    return [one.data.data for one in series if hasattr(one, "data")][:2]


def taylor(approximant, system):
    """LAL's entry, the time of its first sample after merger, the phase at merger and the end's taper."""
    mass = (system["mass_1"] + system["mass_2"]) * lal.MTSUN_SI
    first = first_frequency(system, BEFORE)
    plus, cross = lal_wave(approximant, system, RATE, first, system["inclination"], system["phase"])
    speed, phase = lal_orbit(system, RATE, first)
    back = 8
    fine, turned = lal_orbit(system, 2**21, speed[-back] ** 3 / np.pi / mass)
    eta = system["mass_1"] * system["mass_2"] / (system["mass_1"] + system["mass_2"]) ** 2
    # The end of the fine run may fall a few of its samples short; it is then extended by a cubic.
    last = _cross(fine, post_newtonian.last_speed(eta))
    ended = last / 2**21 - (back - 1) / RATE
    turn = phase[-back] + CubicSpline(np.arange(len(turned)), turned)(last)
    wave = np.stack([plus.data.data, cross.data.data])[:, -round(BEFORE * RATE) :]
    window = np.sin(np.clip(turn - phase[-wave.shape[1] :], 0, np.pi) / 2) ** 2
    return wave, -ended - (wave.shape[1] - 1) / RATE, system["phase"] + turn, window


def _cross(speed, wanted):
    kept = np.arange(len(speed) - 200, len(speed))
    return CubicSpline(speed[kept], kept)(wanted)


def effective_one_body(approximant, system):
    """As `taylor`, from the greatest amplitude of LAL's mode face on, between samples."""
    first = min(first_frequency(system, BEFORE), 20.0)
    wave = lal_wave(approximant, system, RATE, first, system["inclination"], system["phase"])
    # A sample lasts no longer than a total mass: at 4096 Hz, that of light systems is longer.
    finer = 2 ** max(0, np.ceil(np.log2(50 / (system["mass_1"] + system["mass_2"]))).astype(int))
    face = lal_wave(approximant, system, RATE * finer, first, 0.0, 0.0)
    mode = face[0].data.data - 1j * face[1].data.data
    peak, turn = _peak(mode)
    merger = float(face[0].epoch - wave[0].epoch) * RATE + peak / finer
    begin = max(0, int(merger - BEFORE * RATE))
    wave = np.stack([one.data.data for one in wave])[:, begin:]
    # phiRef turns the orbit on; the bank's zero of phase is a quarter of an orbit away from the mode's.
    phase = system["phase"] + turn + np.pi / 2
    return wave, (begin - merger) / RATE, phase, np.ones(wave.shape[1])


def _peak(mode, finer=32):
    """Where the amplitude is greatest and half the phase there, of a band-limited series."""
    begin = np.abs(mode).argmax() - 512
    mode = np.pad(mode, (0, 512))[begin : begin + 1024]
    mode = resample(mode * tukey(len(mode), 0.5), finer * len(mode))
    near = np.abs(mode).argmax() + np.arange(-finer, finer + 1)
    size, turn = (CubicSpline(near, f(mode[near])) for f in (np.abs, lambda x: -np.unwrap(np.angle(x)) / 2))
    peak = brentq(size.derivative(), near[finer // 2], near[-finer // 2])
    return begin + peak / finer, turn(peak)


class Match:
    """Inner products of entries of one rate."""

    def __init__(self):
        self.samples = PADDED * RATE
        frequencies = np.fft.rfftfreq(self.samples, 1 / RATE)
        inside = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
        self.weight = np.where(inside, 1 / model_psd("o3", "L1", frequencies), 0)

    def spectra(self, wave):
        ramp = np.ones(wave.shape[1])
        ramp[: round(FADE * RATE)] = np.sin(np.linspace(0, np.pi / 2, round(FADE * RATE))) ** 2
        return np.fft.rfft(wave * ramp, self.samples) * np.sqrt(self.weight)

    def mismatches(self, one, other):
        """Worst mismatch of plus and cross: at the same time and phase, and the best of both."""
        a, b = self.spectra(one), self.spectra(other)
        norm = np.sqrt((np.abs(a) ** 2).sum(1) * (np.abs(b) ** 2).sum(1))
        product = a.conj() * b
        same = 1 - product.real.sum(1) / norm
        fine = np.zeros((2, 8 * self.samples), complex)
        fine[:, : product.shape[1]] = product
        best = 1 - np.abs(np.fft.fft(fine)).max(1) / norm
        return same.max(), best.max(), np.sqrt((np.abs(a) ** 2).sum() / (np.abs(b) ** 2).sum()) - 1


def survey(name, count, match):
    approximant, first, second = CLASSES[name]
    systems = draw(count, first, second, seed=sum(map(ord, name)))
    oracle = effective_one_body if approximant.startswith("SEOB") else taylor
    rows = []
    for i in range(count):
        system = {key: float(column[i]) for key, column in systems.items()}
        wave, start, phase, window = oracle(approximant, system)
        asked = {key: [value] for key, value in (system | {"phase": phase}).items()}
        made = [
            cbc_scaled.polarisations(approximant, asked, RATE, start, wave.shape[1], taper=taper)[0] / 100
            for taper in (True, False)
        ]
        same, best, scale = match.mismatches(wave * window, made[0])
        rows.append((same, best, match.mismatches(wave, made[1])[0], scale))
    rows = np.array(rows)
    print(f"\n{name}: {approximant}, {count} systems")
    for column, kind in enumerate(("same", "best", "raw")):
        worst = rows[:, column].argmax()
        where = ", ".join(f"{key} {values[worst]:.4f}" for key, values in systems.items())
        over = (rows[:, column] > 1e-4).sum()
        print(
            f"  {kind:5s} worst {rows[worst, column]:.2e} median {np.median(rows[:, column]):.2e} "
            f"over 1e-4: {over}; worst at {where}"
        )
    print(f"  scale worst {np.abs(rows[:, 3]).max():.2e}", flush=True)
    return rows, systems


def speed(name):
    approximant, first, second = CLASSES[name]
    systems = draw(64, first, second, seed=1)
    samples = round((BEFORE + 0.1) * RATE)
    took = []
    for _ in range(10):
        begun = time.process_time()
        cbc_scaled.polarisations(approximant, systems, RATE, -BEFORE, samples, fade_in=FADE)
        took.append((time.process_time() - begun) / 64)
    direct, few = time.process_time(), 8
    for i in range(few):
        system = {key: float(column[i]) for key, column in systems.items()}
        lal_wave(approximant, system, RATE, first_frequency(system, BEFORE), 0.5, 0.5)
    direct = (time.process_time() - direct) / few
    print(
        f"  {1e3 * min(took):.2f} ms of one core a system (median {1e3 * np.median(took):.2f}), "
        f"LAL {1e3 * direct:.0f} ms"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--systems", type=int, default=1000)
    parser.add_argument("--slow", type=int, default=50)
    parser.add_argument("--only", choices=CLASSES)
    options = parser.parse_args()
    match = Match()
    for name in [options.only] if options.only else CLASSES:
        begun = time.perf_counter()
        cbc_scaled.bank(CLASSES[name][0])
        print(f"\n{name}: bank built in {time.perf_counter() - begun:.2f} s", end="")
        survey(name, options.slow if name == "BBH slow" else options.systems, match)
        speed(name)


if __name__ == "__main__":
    main()
