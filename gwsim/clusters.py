"""Shapes of maps within one class: whether they are of one kind, or fall into clusters.

Takes maps (sample, *cells), each scaled to [0, 1]; gives each one's cluster, 0 the largest. Clusters are
Ward's, of the maps' cells. Their number is that of the greatest mean silhouette; it is 1 where that says
that there is no structure (Rousseeuw 1987), or where a cluster would be a few odd maps.
"""

import numpy as np
import scipy.cluster.hierarchy
from jaxtyping import Float, Int

Maps = Float[np.ndarray, "sample *cells"]
Places = Int[np.ndarray, "sample"]

# Fewer maps are not compared, smaller clusters are no kind of their own, more of them are not sought.
LEAST, SMALLEST, MOST = 8, 3, 4
# A mean silhouette up to here is that of no substantial structure.
NO_STRUCTURE = 0.25


def clustered(maps: Maps) -> tuple[Places, float | None]:
    """Return each map's cluster, and the mean silhouette of several; none of a single one."""
    from sklearn.metrics import silhouette_score

    points = maps.reshape(len(maps), -1).astype(np.float64)
    best, score = np.zeros(len(maps), np.int64), NO_STRUCTURE
    if len(maps) < LEAST or (np.ptp(points, axis=0) == 0).all():
        return best, None
    tree = scipy.cluster.hierarchy.linkage(points, "ward")
    for count in range(2, MOST + 1):
        place = scipy.cluster.hierarchy.fcluster(tree, count, "maxclust") - 1
        sizes = np.bincount(place)
        if len(sizes) == count and sizes.min() >= SMALLEST:
            found = float(silhouette_score(points, place))
            best, score = (place, found) if found > score else (best, score)
    return _by_size(best), score if best.any() else None


def _by_size(place: np.ndarray) -> np.ndarray:
    """Return clusters numbered from the largest on; of equal ones the first map's comes first."""
    _, first, sizes = np.unique(place, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    return np.argsort(order)[place]


def compared(maps: np.ndarray, labels: np.ndarray, classes: list[str], method: str):
    """Return each map's cluster, -1 where a class has too few, and the number of each class's shapes."""
    places, named = np.full(len(maps), -1), {}
    for label in np.unique(labels):
        its = np.flatnonzero(labels == label)
        if len(its) < LEAST:
            continue
        places[its], silhouette = clustered(maps[its])
        sizes = np.bincount(places[its]).tolist()
        meaning = f"kinds of shapes of the maps of {classes[label]}, {method}"
        named[f"shapes_{classes[label]}"] = {
            "value": len(sizes),
            "error": None,
            "n": len(its),
            "meaning": meaning,
            "sizes": sizes,
            "silhouette": silhouette,
        }
    return places, named
