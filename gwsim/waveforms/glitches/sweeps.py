"""Glitches whose frequency sweeps: scattered light, scratches, humps, doves, whistles; and binaries.

A form takes a row of parameters and lays the glitch on a stretch, about time zero.
"""

import numpy as np
from scipy.special import erf, expit

from gwsim import seeds
from gwsim.waveforms.glitches.processes import plain, plateau, train, turns, wander

LEAD = 4.0  # s of a binary before its merger
AFTER = 0.5  # s behind it
FALL = 4.0  # e-foldings by which a dove falls in its duration


def chirp(row, stretch):
    """Lay the plus polarisation of a compact binary, its merger on the sample at or before time zero."""
    from gwsim.waveforms import cbc  # LAL takes a second to load, and only this class needs it

    system = {name: float(row[name]) for name in ("mass_1", "mass_2", "inclination", "phase")}
    rate = stretch.rate
    entry = cbc.polarisations("SEOBNRv4_opt", system, rate, -LEAD, int((LEAD + AFTER) * rate), 0.5)
    first = int(np.floor(stretch.at * rate)) - int(LEAD * rate)
    low, high = max(first, 0), min(first + len(entry.plus), len(stretch.values))
    plus = entry.plus / np.abs(entry.plus).max()
    stretch.values[low:high] += plus[low - first : high - first]


def scattered_light(row, stretch):
    """Lay arches: the phase 4 pi N x(t) / wavelength of a surface that swings x(t), for a few N."""
    random = _random(row, "phases")
    turn = 2 * np.pi / row["period"]
    reach = min(3 * row["duration"], row["period"])
    for k in range(int(row["count"])):
        f_top = row["frequency"] * (row["order"] + k) / row["order"]
        phase, level = random.uniform(0, 2 * np.pi), row["decay"] ** k

        def arch(t, f_top=f_top, phase=phase, level=level):
            f = f_top * np.cos(turn * t)  # |2 N v / wavelength| of x = A sin(turn t)
            envelope = np.exp(-((t / row["duration"]) ** 2)) * np.abs(f / f_top) ** 2
            return level * envelope * np.sin(2 * np.pi * f_top / turn * np.sin(turn * t) + phase)

        stretch.add(-reach, reach, arch)


def scratchy(row, stretch):
    """Lay quick arches in a row, seen near their tops, of uneven loudness."""
    random = _random(row, "walk")
    reach = 1.4 * row["duration"]
    pitch, loud, pace = (wander(random, scale, -reach, reach) for scale in (0.6, 0.05, 0.8))

    def scratch(t):
        swing = turns(1 / (2 * row["spacing"]) * (1 + 0.1 * pace(t)), t)
        f_top = row["frequency"] * (1 + row["depth"] * pitch(t))
        beat = np.cos(swing)
        turn = turns(f_top * beat, t)
        envelope = plain(t / row["duration"]) * np.maximum(0.7 + 0.3 * loud(t), 0.05)
        return envelope * np.abs(beat) ** 1.5 * np.sin(turn + np.pi / 4)

    stretch.add(-reach, reach, scratch)


def low_frequency_burst(row, stretch):
    """Lay humps: a frequency that rises over the lowest and sinks again, a few times."""
    random = _random(row, "humps")
    for k in range(int(row["count"])):
        time = (-1) ** k * ((k + 1) // 2) * row["spacing"] * random.uniform(0.9, 1.1)
        width = row["duration"] * random.uniform(0.7, 1.3)
        level, phase = (1.0 if k == 0 else random.uniform(0.3, 0.9)), random.uniform(0, 2 * np.pi)

        def hump(t, time=time, width=width, level=level, phase=phase):
            x = t - time
            # Of the frequency f + depth exp[-(x / rise)^2] + slope x.
            rise = 0.35 * width
            turn = row["frequency"] * x + row["slope"] / 2 * x**2
            turn += row["depth"] * rise * np.sqrt(np.pi) / 2 * erf(x / rise)
            return level * plateau(x / (0.6 * width)) * np.sin(2 * np.pi * turn + phase)

        stretch.add(time - 1.2 * width, time + 1.2 * width, hump)


def paired_doves(row, stretch):
    """Lay sweeps that fall and rise in turn, each with a weaker one that crosses it."""
    random = _random(row, "doves")
    times = train(lambda n: row["period"] * random.normal(1, 0.04, n), 80)
    order = np.argsort(np.argsort(times))
    levels = np.concatenate([[1.0], random.uniform(0.8, 1.0, 160)[: len(times) - 1]])
    for time, place, level in zip(times, order, levels, strict=True):
        way = row["sign"] * (-1) ** int(place - order[0])
        phase = random.uniform(0, 2 * np.pi, 3)
        _dove(row, stretch, time, way, level, phase[0])
        _dove(row, stretch, time + 0.05 * way, -way, level * row["level"], phase[1], 0.6)
        _dove(row, stretch, time + 0.03 * way, way, 0.6 * level * row["level"], phase[2], 1.1)


def _dove(row, stretch, time, way, level, phase, scale=1.0):
    duration, low, high = row["duration"], row["frequency"], scale * row["frequency_2"]

    def sweep(t):
        x = way * (t - time) / duration  # 0 at the top, 1 at the bottom
        # Of the frequency low + (high - low) exp(-FALL x).
        turn = way * duration * (low * x - (high - low) / FALL * np.expm1(-FALL * x))
        envelope = expit((x + 0.02) / 0.02) * plateau(np.maximum(x, 0))
        return level * envelope * np.sin(2 * np.pi * turn + phase)

    early, late = sorted((time - 0.25 * way * duration, time + 1.7 * way * duration))
    stretch.add(early, late, sweep)


def whistle(row, stretch):
    """Lay the beat of an oscillator that swings past a fixed frequency: |f| falls to zero and rises."""
    phase = _random(row, "phase").uniform(0, 2 * np.pi)
    swing, reach = 2 * np.pi / row["period"], 2 * row["duration"]
    start = row["phase"]
    high = row["frequency"]

    def beat(t):
        f = high * (np.sin(swing * t + start) - np.sin(start))
        turn = high * ((np.cos(start) - np.cos(swing * t + start)) / swing - np.sin(start) * t)
        passed = 1 / (1 + np.square(np.square(row["frequency_2"] / np.maximum(np.abs(f), 1e-3))))
        envelope = plateau(t / row["duration"])
        return stretch.audible(f) * passed * envelope * np.sin(2 * np.pi * turn + phase)

    stretch.add(-reach, reach, beat)


def _random(row, name):
    return seeds.generator("glitch", int(row["key"]), name)
