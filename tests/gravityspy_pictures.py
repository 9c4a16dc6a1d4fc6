"""Pictures as Gravity Spy draws them: a figure with axes and colour bar, and what is cut from it."""

import numpy as np
from PIL import Image

# Steps of the published pictures, s and Hz; coarse ones make pictures that do not vary that way.
TRES, FRES, COARSE = 0.002, 0.5, 1019.0


def figure(duration, energy, tres=TRES, fres=FRES):
    """The figure of energies over (time, frequency), a function of both, as uint8 (600, 800, 4)."""
    import matplotlib.pyplot as plt

    # Libraries set their own look, with grids, when they are imported.
    with plt.style.context("default"):
        return drawn(plt, duration, energy, tres, fres)


def drawn(plt, duration, energy, tres, fres):
    times = np.arange(round(duration / tres) + 1) * tres - duration / 2
    frequencies = np.arange(10, 2048.1, fres)
    shown = plt.figure(figsize=(8, 6), dpi=100)
    axes = shown.add_axes([0.125, 0.1, 0.775, 0.8])
    grid = np.broadcast_to(
        energy(times[None, :-1], frequencies[:-1, None]), (len(frequencies) - 1, len(times) - 1)
    )
    mesh = axes.pcolormesh(times, frequencies, grid, cmap="viridis", vmin=0, vmax=25.5)
    axes.set_yscale("log", base=2)
    axes.set_ylim(10, 2048)
    axes.set_xlim(-duration / 2, duration / 2)
    # A bar of 5 % of the plot, 3 % away from it, within the width that the axes had.
    left, bottom, width, height = axes.get_position().bounds
    axes.set_position([left, bottom, width / 1.08, height])
    bar = shown.add_axes([left + width * 1.03 / 1.08, bottom, width * 0.05 / 1.08, height])
    shown.colorbar(mesh, cax=bar, label="normalised energy")
    axes.set_xlabel("time (s)")
    shown.canvas.draw()
    pixels = np.array(shown.canvas.buffer_rgba())
    plt.close(shown)
    return pixels


def plot(picture):
    """The smaller form, 569 x 479, that is cut from a figure."""
    return picture[60:539, 100:669]


def flat(index, form=(479, 569)):
    """A picture of one energy index, or of an array of them, in the map's colours."""
    from matplotlib import colormaps

    opaque = np.append(np.array(colormaps["viridis"].colors), np.ones((256, 1)), axis=1)
    return np.round(opaque * 255).astype(np.uint8)[np.broadcast_to(np.asarray(index, dtype=np.uint8), form)]


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def glitch(folder, label, name, durations=("0.5", "1.0", "2.0", "4.0"), index=30, form=(479, 569)):
    """The pictures of one glitch in its class's folder, each duration a little brighter."""
    for place, duration in enumerate(durations):
        path = folder / label / f"{name}_spectrogram_{duration}.png"
        write(path, flat(index + place, form))
