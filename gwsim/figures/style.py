"""One look for all figures: fonts, sizes, colours that colour-blind readers tell apart, PNG without dates."""

import io

import matplotlib
from matplotlib.figure import Figure

DPI = 110
# Figures with small print: a page shows them at its width, a zoom shows more.
FINE_DPI = 170
WIDTH = 8.4
INK, FAINT = "#222222", "#bbbbbb"
TIME = "time after the window's first sample (s)"

# Paul Tol's schemes: 'muted' for classes (noise is grey), 'high contrast' and two of 'bright' for ifos.
CLASSES = ("#332288", "#cc6677", "#117733", "#88ccee", "#882255", "#ddcc77", "#44aa99", "#999933", "#aa4499")
IFOS = ("#004488", "#bb5566", "#ddaa33", "#228833", "#66ccee")
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")

LOOK = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.3,
    "image.cmap": "viridis",
    "image.interpolation": "nearest",
}


def look():
    """Return the context in which figures are made."""
    return matplotlib.rc_context(LOOK)


def subplots(rows: int, columns: int, height: float, **more):
    """Return a figure of the page's width, and its axes as an array."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **more)


def class_look(label: int, noise: int | None = None) -> dict:
    """Return the colour and line of a class; noise is grey."""
    if label == noise:
        return {"color": FAINT, "linestyle": "-"}
    place = label - (noise is not None and label > noise)
    return {"color": CLASSES[place % len(CLASSES)], "linestyle": LINES[place // len(CLASSES) % len(LINES)]}


def marker(place: int) -> str:
    """Return a marker that tells ten lines apart without their colours."""
    return MARKERS[place % len(MARKERS)]


def ifo_look(place: int) -> dict:
    """Return the colour and line of an ifo."""
    return {"color": IFOS[place % len(IFOS)], "linestyle": LINES[place // len(IFOS) % len(LINES)]}


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure's bytes: the same for the same figure, whenever it is drawn."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"optimize": True})
    return buffer.getvalue()


def pdf(figure: Figure) -> bytes:
    """Return the figure as PDF, without dates or versions: the same bytes whenever it is drawn."""
    buffer = io.BytesIO()
    undated = dict.fromkeys(("CreationDate", "Creator", "Producer"))
    figure.savefig(buffer, format="pdf", dpi=FINE_DPI, metadata=undated)
    return buffer.getvalue()
