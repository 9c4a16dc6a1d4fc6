"""Maps of points of which `explain` has made none: of every misclassified one, and of some of each class.

Takes the table of the points, a network as `explain` has it, and what reads examples as the network sees
them; adds maps of the class that the network gives to those that are there.
"""

import numpy as np
import pandas as pd
import torch

from gwsim import cams, dataset, devices, explain, selection
from gwsim.explorer import saliency

# So many points have a map, where there are so many, unless a GPU makes those of all.
LEAST = 300


def lacking(embedding: pd.DataFrame, maps: dict[int, list], least: int = LEAST) -> np.ndarray:
    """Return the points that get a map: all misclassified ones, and others until `least` points have one."""
    known = np.zeros(len(embedding), bool)
    known[list(maps)] = True
    wrong = (embedding["label"] != embedding["predicted"]).to_numpy() & ~known
    left = np.flatnonzero(~known & ~wrong)
    room = max(0, least - int((known | wrong).sum()))
    others = left[selection.balanced(embedding["label"].to_numpy()[left], room)]
    return np.sort(np.concatenate([np.flatnonzero(wrong), others]))


def added(
    maps: dict[int, list],
    network: explain.Network,
    read,
    embedding: pd.DataFrame,
    tiles: tuple[int, ...],
    progress=explain.plainly,
) -> dict[int, list[saliency.Map]]:
    """Return the maps with those that were lacking; read(points) gives examples as the network sees them."""
    least = len(embedding) if network.device.type == "cuda" else LEAST
    points, found = lacking(embedding, maps, least), dict(maps)
    method = saliency.preferred(network.settings["methods"])
    if not len(points):
        return found
    size = dataset.batch_size(read(points[:1]).shape[1:], explain.BATCH)
    batches = dataset.batches(read, points, size)
    for part, x in progress(batches, "maps of more points", -(-len(points) // size)):
        targets = embedding["predicted"].to_numpy(np.int64)[part]
        wanted = torch.as_tensor(targets, device=network.device)
        made = cams.METHODS[method](network.model, devices.put(x, network.device), wanted, network.settings)
        for point, target, cells in zip(part.tolist(), targets.tolist(), made.cpu(), strict=True):
            found[point] = [saliency.Map(target, method, saliency.byte(cells.numpy(), tiles))]
    return found
