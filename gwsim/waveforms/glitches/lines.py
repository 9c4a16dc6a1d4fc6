"""Glitches of narrow frequencies: lines that come and go, ripples, violin modes, and wandering lines.

A form takes a row of parameters and lays the glitch on a stretch, about time zero.
"""

import numpy as np

from gwsim import seeds
from gwsim.waveforms.glitches.processes import plain, plateau, sine_gaussian, train, turns, wander

TURN = 2 * np.pi
VIOLIN = (1.0, 1.985, 2.93, 3.88)  # of the first mode: stiffness puts the overtones a little apart


def lines_1080(row, stretch):
    """Lay a narrow band of noise: a string of dots."""
    random = _random(row, "band")
    reach = 2.2 * row["duration"]
    parts = [wander(random, 0.3 / row["bandwidth"], -reach, reach) for _ in range(2)]
    centre = random.uniform(-0.5, 0.5) * row["duration"]

    def band(t):
        turn = 2 * np.pi * row["frequency"] * t
        envelope = plateau((t - centre) / row["duration"])
        return envelope * (parts[0](t) * np.sin(turn) + parts[1](t) * np.cos(turn))

    stretch.add(-reach, reach, band)


def ripples_1400(row, stretch):
    """Lay a short ripple and its echoes."""
    random = _random(row, "echoes")
    count = int(row["count"])
    near = random.random(count) < 0.7
    times = np.where(near, random.normal(0, 2.5 * row["duration"], count), random.uniform(-1, 1, count))
    times[0] = 0.0
    for k, time in enumerate(times):
        f = row["frequency"] + (random.uniform(-12, 12) if k else 0.0)
        level = random.uniform(0.4, 0.85) if k else 1.0
        _ripple(stretch, f, row["duration"], time, random.uniform(0, TURN), level)


def air_compressor(row, stretch):
    """Lay a fat line near 50 Hz whose frequency drifts."""
    phase = _random(row, "phase").uniform(0, 2 * np.pi)
    tau = row["duration"]

    def line(t):
        turn = row["frequency"] * t + row["slope"] / 2 * t**2
        return np.exp(-((t / tau) ** 2)) * np.sin(2 * np.pi * turn + phase)

    stretch.add(-4.5 * tau, 4.5 * tau, line)


def power_line(row, stretch):
    """Lay a line at the mains' frequency and some of its harmonics."""
    random = _random(row, "harmonics")
    for k, level in ((1, 1.0), (2, row["level"]), (3, row["level_2"])):
        tau = row["duration"] / np.sqrt(k)
        _ripple(stretch, k * row["frequency"], tau, 0.0, random.uniform(0, TURN), level)


def low_frequency_lines(row, stretch):
    """Lay a steady line of low frequency that breathes slowly, and a second one."""
    random = _random(row, "lines")
    for f, level in ((row["frequency"], 1.0), (row["frequency_2"], row["level"])):
        tau, phase = row["duration"], random.uniform(0, TURN)
        breath = wander(random, tau, -4.5 * tau, 4.5 * tau)

        def line(t, f=f, level=level, tau=tau, phase=phase, breath=breath):
            envelope = np.exp(-((t / tau) ** 2)) * (1 + row["depth"] * breath(t))
            return level * envelope * np.sin(2 * np.pi * f * t + phase)

        stretch.add(-4.5 * tau, 4.5 * tau, line)


def violin_mode(row, stretch):
    """Lay pairs of dots about each violin mode, again and again, with thumps at low frequencies."""
    random = _random(row, "times")
    times = train(lambda n: row["spacing"] * random.uniform(0.2, 1.8, n), 160)
    modes = int(row["count"])
    shape = (len(times), modes, 2)
    scatter = np.minimum(random.lognormal(-0.2, 0.3, shape), 1.0)
    levels = np.minimum(random.lognormal(-0.6, 0.4, (len(times), 1, 1)), 0.85)
    levels = np.where(times[:, None, None] == 0, 1.0, levels * scatter)
    levels *= row["decay"] ** np.arange(modes)[:, None] * (random.random((len(times), modes, 1)) > 0.12)
    levels[0, 0] = 1.0
    sides = np.array([-1, 1]) * row["bandwidth"] * random.uniform(0.9, 1.1, shape)
    dots = {
        "f": np.array(VIOLIN[:modes])[:, None] * row["frequency"] + sides,
        "tau": row["duration"] * random.uniform(0.8, 1.2, shape),
        "time": times[:, None, None] + random.uniform(-0.004, 0.004, shape),
        "phase": random.uniform(0, TURN, shape),
        "level": levels,
    }
    _ripples(stretch, dots)
    shape = (len(times), 3)
    thumps = {
        "f": np.exp(random.uniform(np.log(25), np.log(160), shape)),
        "tau": random.uniform(0.03, 0.12, shape),
        "time": (times + random.normal(0.05, 0.15, len(times)))[:, None] + random.normal(0, 0.03, shape),
        "phase": random.uniform(0, TURN, shape),
        "level": row["level"]
        * np.minimum(random.lognormal(-1.0, 0.8, (len(times), 1)), 1.0)
        * np.ones(shape),
    }
    _ripples(stretch, thumps)


def wandering_line(row, stretch):
    """Lay a line that is switched on and off, wanders, and hooks down where it comes on."""
    random = _random(row, "line")
    reach = 1.4 * row["duration"]
    slow, quick, flutter = (wander(random, scale, -reach, reach) for scale in (0.6, 0.06, 0.03))
    gates = wander(random, row["spacing"], -reach, reach)
    calm = wander(random, 1.2, -reach, reach)

    def line(t):
        # Far above zero the gate is open for long, about zero it flutters; at the glitch's time it is open.
        state = gates(t) + 0.8 * calm(t) + 0.4 * flutter(t) + row["level"] + 2 * np.exp(-np.square(t / 0.2))
        gate = 1 / (1 + np.exp(-12 * state))
        hook = 1 - 0.12 * np.exp(-np.maximum(state, 0) / 0.25)
        f = row["frequency"] * hook * np.exp(row["depth"] * (slow(t) + 0.25 * quick(t)))
        turn = turns(f, t)
        envelope = plain(t / row["duration"]) * (0.01 + gate)
        return envelope * sum(
            stretch.audible(k * f) * row["decay"] ** (k - 1) * np.sin(k * turn)
            for k in range(1, int(row["count"]) + 1)
        )

    stretch.add(-reach, reach, line)
    for _ in range(12):
        f = np.exp(random.uniform(np.log(10.5), np.log(70)))
        tau, time = random.uniform(0.15, 0.6), random.uniform(-2.5, 2.5)
        _ripple(stretch, f, tau, time, random.uniform(0, TURN), row["level_2"] * random.uniform(0.2, 1))
    tau = 0.6 * row["duration"]
    _ripple(stretch, row["frequency_2"], tau, random.uniform(-1, 1), random.uniform(0, TURN), row["level_2"])


def _ripple(stretch, f, tau, time, phase, level):
    if level := level * stretch.audible(f):
        line = sine_gaussian(f, tau, time, phase)
        stretch.add(time - 3.5 * tau, time + 3.5 * tau, lambda t: level * line(t))


def _ripples(stretch, columns):
    """Lay many ripples, of columns of one shape: those that lie in the stretch."""
    flat = [values.ravel() for values in columns.values()]
    inside = (flat[2] > stretch.span[0] - 1) & (flat[2] < stretch.span[1] + 1)
    for ripple in zip(*(values[inside] for values in flat), strict=True):
        _ripple(stretch, *ripple)


def _random(row, name):
    return seeds.generator("glitch", int(row["key"]), name)
