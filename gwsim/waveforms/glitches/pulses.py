"""Glitches made of short pulses: Blip, Tomte, Koi_Fish, Extremely_Loud, and trains and groups of them.

A form takes a row of parameters and lays the glitch on a stretch, about time zero.
"""

import numpy as np

from gwsim import seeds
from gwsim.waveforms.glitches.processes import log_normal, plateau, seen, sine_gaussian, train, wander

SHORT = 0.35  # s, enough on either side of a pulse that has nothing below 20 Hz
WINDING = (150.0, 0.9)  # Hz at which a strand's swing stands, and the power by which it narrows upwards
FINS = 1.7  # times the belly's frequency in strain, as its whitening lifts it
TOMTE = (15.9, 1.6)  # Hz at which a Tomte's sharpness stands, and the power of frequency by which it grows


def blip(row, stretch):
    """Lay one log-normal pulse."""
    stretch.pulses(log_normal(row["frequency"], row["sharpness"], _phase(row)), 0.0)


def tomte(row, stretch):
    """Lay one log-normal pulse, the sharper the higher it lies."""
    sharpness = row["sharpness"] * (row["frequency"] / TOMTE[0]) ** TOMTE[1]
    stretch.pulses(log_normal(row["frequency"], sharpness, _phase(row)), 0.0)


def koi_fish(row, stretch):
    """Lay a loud pulse with a belly below, two long fins and two short ones that stand closer and higher."""
    random = _random(row, "parts")
    stretch.pulses(seen(log_normal(row["frequency"], row["sharpness"], _phase(row))), 0.0)
    belly = log_normal(row["frequency_2"], 12.0, random.uniform(0, 2 * np.pi))
    stretch.pulses(seen(belly), random.uniform(-0.005, 0.005), row["level"])
    tau = row["duration"]
    for time, part in ((0.0, 1.0), (-0.5, 0.3), (0.5, 0.3)):
        f = FINS * row["frequency_2"] * (1.0 if part == 1 else random.uniform(1.1, 1.5))
        fin = sine_gaussian(f, part * tau, time * tau, random.uniform(0, 2 * np.pi))
        stretch.add(-4.5 * tau, 4.5 * tau, lambda t, fin=fin: row["level_2"] * fin(t))


def extremely_loud(row, stretch):
    """Lay two triangles of opposite signs, echoes, and a body that rings around one frequency."""
    random = _random(row, "parts")
    echoes, levels = random.normal(0, 0.04, 3), row["level_2"] * np.array([1.0, 0.5, 0.25])
    stretch.pulses(seen(_triangles(row["spacing"])), [0.0, *echoes], [1.0, *levels])
    stretch.pulses(
        seen(log_normal(row["frequency_2"], 6.0, random.uniform(0, 2 * np.pi))), 0.0, 3 * row["level"]
    )
    reach = 9 * row["duration"]
    drift = wander(random, 0.04, -reach, reach)
    phase = random.uniform(0, 2 * np.pi)

    def body(t):
        f = row["frequency"] * (t + row["depth"] * 0.05 * drift(t))
        return row["level"] * np.exp(-np.abs(t) / row["duration"]) * np.sin(2 * np.pi * f + phase)

    stretch.add(-reach, reach, body)


def repeating_blips(row, stretch):
    """Lay a train of blips, the loudest at time zero."""
    random = _random(row, "train")
    times = train(lambda n: row["spacing"] * (1 + row["spread"] * random.uniform(-1, 1, n)), 600)
    levels = np.minimum(row["level"] * random.lognormal(0, 0.4, 1201)[: len(times)], 0.95)
    levels[random.random(1201)[: len(times)] < row["depth"]] = 0.0
    levels[0] = 1.0
    kept = levels > 0
    spectrum = seen(log_normal(row["frequency"], row["sharpness"], _phase(row)))
    stretch.pulses(spectrum, times[kept], levels[kept], SHORT)


def helix(row, stretch):
    """Lay a train of pairs of strands that wind about each other from low frequencies to high ones."""
    random = _random(row, "train")
    times = train(lambda n: row["spacing"] * np.clip(random.lognormal(0, row["spread"], n), 0.3, 3), 600)
    levels = random.uniform(0.8, 1.0, 1201)[: len(times)]
    levels[0] = 1.0
    for side, level in ((1, 1.0), (-1, row["level"])):
        phase = random.uniform(0, 2 * np.pi)
        stretch.pulses(_strand(row, side * row["duration"], phase), times, level * levels, SHORT)


def _strand(row, swing, phase):
    """Return a log-normal spectrum delayed by swing (f / f_1)^-q sin(pi ln(f / f_2)): a strand winds."""
    shape = log_normal(row["frequency"], row["sharpness"], phase)
    power, turn = 1 - WINDING[1], np.pi

    def spectrum(f):
        # The phase is -2 pi times the delay's integral over frequency.
        u = np.log(f / row["frequency_2"])
        integral = f**power * (power * np.sin(turn * u) - turn * np.cos(turn * u)) / (power**2 + turn**2)
        return shape(f) * np.exp(-2j * np.pi * swing * WINDING[0] ** WINDING[1] * integral)

    return spectrum


def light_modulation(row, stretch):
    """Lay groups of a spike, a tail that falls from it to low frequencies, and bursts there."""
    random = _random(row, "groups")
    starts = np.concatenate([[0.0], random.uniform(-3, 3, int(row["count"]) - 1)])
    for start in starts:
        scale = 1.0 if start == 0 else random.uniform(0.15, 0.7)
        _group(row, stretch, random, start, scale)


def _group(row, stretch, random, start, scale):
    spikes = start + np.concatenate([[0.0], random.uniform(0.03, 0.25, random.integers(1, 3))])
    levels = scale * np.concatenate([[1.0], random.uniform(0.1, 0.5, len(spikes) - 1)])
    for time, level in zip(spikes, levels, strict=True):
        pulse = log_normal(
            row["frequency"] * random.lognormal(0, 0.3), row["sharpness"], random.uniform(0, 2 * np.pi)
        )
        stretch.pulses(pulse, time, level, SHORT)
    duration, phase = row["duration"], random.uniform(0, 2 * np.pi)
    low, high = row["frequency_2"], row["frequency"]

    def tail(t):
        # Falls exponentially from the spike's frequency to the low one.
        x = t - start
        decay = duration / 2
        turn = low * x + (high - low) * decay * (1 - np.exp(-np.maximum(x, 0) / decay))
        envelope = plateau((x - 0.5 * duration) / (0.6 * duration))
        return scale * row["level"] * envelope * np.sin(2 * np.pi * turn + phase)

    stretch.add(start - 1.5 * duration, start + 2.5 * duration, tail)
    for time in start + duration + random.uniform(0.03, 0.8, random.integers(2, 5)):
        f, tau = random.uniform(10, 19), random.uniform(0.05, 0.12)
        level = scale * row["level"] * random.uniform(0.3, 1.0)
        burst = sine_gaussian(f, tau, time, random.uniform(0, 2 * np.pi))
        stretch.add(*_about(time, tau), lambda t, burst=burst, level=level: level * burst(t))


def none_of_the_above(row, stretch):
    """Lay one of four things that are of no other class."""
    random = _random(row, "parts")
    (_pair, _noise_burst, _slow_sweep, _comb)[int(row["kind"])](row, stretch, random)


def _pair(row, stretch, random):
    """Lay two or three pulses so close that they make one burst with holes."""
    count = random.integers(2, 4)
    times = row["spacing"] * (np.arange(count) - (count - 1) / 2)
    for time in times:
        f = row["frequency"] * random.lognormal(0, 0.15)
        pulse = log_normal(f, 3.0, random.uniform(0, 2 * np.pi))
        stretch.pulses(pulse, time, random.uniform(0.6, 1.0), 1.0)


def _noise_burst(row, stretch, random):
    """Lay noise an octave wide that comes and goes."""
    f = 3 * row["frequency"]
    reach = 3 * row["duration"]
    parts = [wander(random, 1 / f, -reach, reach) for _ in range(2)]

    def burst(t):
        envelope = np.exp(-((t / row["duration"]) ** 2))
        turn = 2 * np.pi * f * t
        return envelope * (parts[0](t) * np.sin(turn) + parts[1](t) * np.cos(turn))

    stretch.add(-reach, reach, burst)


def _slow_sweep(row, stretch, random):
    """Lay a slow sweep over three octaves."""
    reach, f = 3 * row["duration"], 2 * row["frequency"]
    rate = random.choice([-1, 1]) * random.uniform(0.8, 1.5) * np.log(2) / row["duration"]

    def sweep(t):
        return np.exp(-((t / row["duration"]) ** 2)) * np.sin(2 * np.pi * f * np.expm1(rate * t) / rate)

    stretch.add(-reach, reach, sweep)


def _comb(row, stretch, random):
    """Lay a few fat spots at uneven frequencies and times."""
    for f in row["frequency"] * np.cumprod(random.uniform(1.2, 2.5, 3)):
        tau = random.uniform(1.5, 6) / f
        spot = sine_gaussian(f, tau, random.uniform(-0.05, 0.05), random.uniform(0, 2 * np.pi))
        level = random.uniform(0.4, 1.0)
        stretch.add(-0.05 - 4.5 * tau, 0.05 + 4.5 * tau, lambda t, spot=spot, level=level: level * spot(t))


def _triangles(scale):
    """Return the spectrum of two triangles of opposite signs; their flanks in ms, times the scale."""
    first, second = (1e-3 * scale, 1.5e-3 * scale), (2.3e-3 * scale, 5e-3 * scale)

    def spectrum(f):
        w = 2 * np.pi * f
        late = np.exp(-1j * w * (first[1] + second[0]))
        return _triangle(w, *first) - 0.6 * late * _triangle(w, *second)

    return spectrum


def _triangle(w, rise, decay):
    kinks = np.exp(1j * w * rise) / rise + np.exp(-1j * w * decay) / decay - 1 / rise - 1 / decay
    return -kinks / w**2


def _phase(row):
    return row["phase"] + (np.pi if row["sign"] < 0 else 0.0)


def _about(time, tau):
    return time - 4.5 * tau, time + 4.5 * tau


def _random(row, name):
    return seeds.generator("glitch", int(row["key"]), name)
