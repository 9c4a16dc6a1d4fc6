"""Q-transforms of whitened strain: what GWpy's `q_transform` makes of one block, for batches, in torch.

`whiten` takes strain and `QTransform(seconds, rate).scan` what it gives; a scan says which tile is the
loudest and gives the energy at any frequencies and times. `four` makes of it the images of four durations
that Gravity Spy's are, and `merge` puts those into one picture. `loudest` measures a waveform without noise.
"""

from gwsim.q_planes import Q_RANGE, highest_frequency
from gwsim.qscan.tiling import F_RANGE
from gwsim.qscan.transform import Loudest, QTransform, Scans
from gwsim.qscan.views import CLIP, DURATIONS, FREQUENCIES, SPAN, four, merge
from gwsim.qscan.whitening import whiten
from gwsim.scan_pixels import axes

__all__ = [
    "CLIP",
    "DURATIONS",
    "FREQUENCIES",
    "F_RANGE",
    "Q_RANGE",
    "SPAN",
    "Loudest",
    "QTransform",
    "Scans",
    "axes",
    "four",
    "highest_frequency",
    "merge",
    "whiten",
]
