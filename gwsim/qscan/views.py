"""Images of four durations, as Gravity Spy shows a glitch to people and Koyama et al. (2024) to networks.

A view is uint8: ten times the energy cut at 25.5, which is the place on the colour map of the published
pictures. Views are arrays, their frequencies ascend; a merged view is a picture, its first row is at the top.
"""

import torch
from jaxtyping import UInt8

from gwsim.conventions import SCAN_DURATIONS, SCAN_FREQUENCIES, SCAN_SPAN
from gwsim.errors import GwsimError
from gwsim.qscan.transform import Scans
from gwsim.scan_pixels import axes

CLIP = 25.5
DURATIONS, FREQUENCIES, SPAN = SCAN_DURATIONS, SCAN_FREQUENCIES, SCAN_SPAN

Views = UInt8[torch.Tensor, "batch duration frequency time"]
Pictures = UInt8[torch.Tensor, "batch row column"]


def four(
    scans: Scans,
    size: int = 224,
    oversample: int = 2,
    span: float = SPAN,
    frequencies=FREQUENCIES,
    durations=DURATIONS,
) -> Views:
    """Return views of each duration around the instant: `size` frequencies by `size` times.

    Each pixel is the mean of oversample^2 points, evenly spaced in time and in the frequency's logarithm,
    of the energy after it was cut.
    """
    at, part = axes(size * oversample, span, frequencies)
    image = torch.empty((len(scans), len(durations), size, size), dtype=torch.uint8, device=scans.at.device)
    for place, duration in enumerate(durations):
        energy = scans.image(at, part * duration).clamp_(0.0, CLIP)
        pixels = torch.nn.functional.avg_pool2d(energy, oversample)
        image[:, place] = (10 * pixels).round_().to(torch.uint8)
    return image


def merge(views: Views, order=((0, 1), (2, 3))) -> Pictures:
    """Return one picture of each item's views, placed as `order` says (rows of durations' places).

    The default has 0.5 s and 1 s above, 2 s and 4 s below. High frequencies are at each quadrant's top.
    """
    places = sorted(place for row in order for place in row)
    if places != list(range(views.shape[1])) or len({len(row) for row in order}) > 1:
        raise GwsimError(f"order {order}: expected a table that names each of {views.shape[1]} views once")
    upright = views.flip(-2)
    rows = [torch.cat([upright[:, place] for place in row], -1) for row in order]
    return torch.cat(rows, -2)
