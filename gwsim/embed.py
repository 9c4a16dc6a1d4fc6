"""Maps of a network's features in a plane, and how far they can be believed.

Takes the features of some examples (sample, feature); gives their principal components, from these a t-SNE
and a UMAP map, and what the maps keep: trustworthiness, and the accuracy with which the nearest neighbours
tell a label, in the maps and in the features themselves. A map must never be the only evidence. Everything
runs in one thread: the same features give the same coordinates whatever number of threads the machine offers.
Between kinds of processors only the numbers can be compared, never coordinates.

Examples may be of several datasets. Where features outnumber examples, all that needs distances between the
features has points as far apart instead, see `components.spread`.

Its product `embedding.parquet` has one row per example, columns as in COLUMNS.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from gwsim import components, seeds
from gwsim.errors import GwsimError

# name: (dtype, unit, meaning). A map's unit and orientation mean nothing.
COLUMNS = {
    "dataset": ("int32", "1", "dataset, its place in the list of datasets of metrics.json"),
    "row": ("int64", "1", "row of the dataset"),
    "label": ("int32", "1", "class of the example, its place in the list of classes"),
    "predicted": ("int32", "1", "class that the network gives it"),
    "score": ("float32", "1", "the network's score of that class, a softmax"),
    "tsne_x": ("float32", "1", "first coordinate in the t-SNE map"),
    "tsne_y": ("float32", "1", "second coordinate in the t-SNE map"),
    "umap_x": ("float32", "1", "first coordinate in the UMAP map"),
    "umap_y": ("float32", "1", "second coordinate in the UMAP map"),
    "umap3_x": ("float32", "1", "first coordinate in the UMAP map of three dimensions"),
    "umap3_y": ("float32", "1", "second coordinate in the UMAP map of three dimensions"),
    "umap3_z": ("float32", "1", "third coordinate in the UMAP map of three dimensions"),
    **{
        f"near_{rank}": ("int32", "1", f"place in this table of the example that is nearest but {rank - 1}")
        for rank in range(1, 9)
    },
}

Points = Float[np.ndarray, "sample axis"]
Features = Float[np.ndarray, "sample feature"]
Labels = Int[np.ndarray, "sample"]

NEIGHBOURS = 10
# Trustworthiness and silhouette need all distances: 5000 examples take 0.2 GB for each such table.
MOST_MEASURED = 5000
# Neighbours of each example that the table names.
NEAREST = 8


# ---- features


def extract(model, batches, device, count: int) -> np.ndarray:
    """Return the features (sample, feature), float32, of batches of (rows, examples), count in all."""
    import torch

    from gwsim import devices

    found, done = None, 0
    with torch.no_grad():
        for _, x in batches:
            part = model.features(devices.put(x, device)).float().cpu().numpy()
            # Into one array from the start: of large features there is no room for two.
            found = np.empty((count, part.shape[1]), np.float32) if found is None else found
            found[done : (done := done + len(part))] = part
    return found


# ---- maps


def tsne(points: Points, perplexity: float, seed: int) -> Float[np.ndarray, "sample 2"]:
    """Return the t-SNE map of principal components, begun from the first two of them, float32.

    With this start and exact neighbours nothing is drawn: another seed gives the same map.

    Raises GwsimError where there are too few examples for the perplexity.
    """
    # openTSNE would lower the perplexity and go on.
    least = int(np.ceil(3 * perplexity)) + 1
    if len(points) < least:
        raise GwsimError(
            f"{len(points)} examples are too few for a t-SNE of perplexity {perplexity:g}, which takes at "
            f"least {least} (three neighbours for each unit): lower perplexity to at most "
            f"{(len(points) - 1) // 3} or take more examples"
        )
    from openTSNE import TSNE

    # Small, so that the early phase is linear; van der Maaten's and openTSNE's number.
    start = _first_axes(points, 2) * 1e-4
    with _one_thread():
        # Approximate neighbours, openTSNE's default, depend on the number of threads.
        mapping = TSNE(
            perplexity=perplexity,
            initialization=start,
            neighbors="exact",
            n_jobs=1,
            random_state=_state("tsne", seed),
        )
        return np.asarray(mapping.fit(points), dtype=np.float32)


def umap(points: Points, neighbours: int, seed: int, dimensions: int = 2) -> Points:
    """Return the UMAP map of principal components, begun from the first of them, float32.

    Raises GwsimError where there are too few examples for the neighbours.
    """
    # umap-learn would take fewer neighbours and go on.
    if len(points) <= neighbours:
        raise GwsimError(
            f"{len(points)} examples are too few for a UMAP of {neighbours} neighbours, which takes at least "
            f"{neighbours + 1}: lower neighbours or take more examples"
        )
    from umap import UMAP

    # Its default start solves an eigenproblem that clusters far apart make degenerate.
    start = _first_axes(points, dimensions)
    with _one_thread():
        mapping = UMAP(
            n_neighbors=neighbours,
            n_components=dimensions,
            init=start,
            n_jobs=1,
            random_state=_state("umap", seed),
        )
        return np.asarray(mapping.fit_transform(points), dtype=np.float32)


def _first_axes(points: np.ndarray, count: int) -> np.ndarray:
    """Return the first axes, scaled together so that the first has unit variance."""
    return points[:, :count].astype(np.float64) / points[:, 0].std(dtype=np.float64)


def _state(name: str, seed: int) -> int:
    """Return a seed of the 32 bits that both libraries take."""
    return seeds.key("embed", name, seed) % 2**32


def _one_thread():
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


# ---- how far to believe them


def trustworthiness(features: Features, points: Points, seed: int, neighbours: int = NEIGHBOURS) -> float:
    """Return how few of a point's neighbours in the map are strangers in the features: 1 for none at all.

    A stranger counts by its rank among the neighbours in the features, so that chance gives near 1/2. At most
    MOST_MEASURED examples are compared.

    Raises GwsimError where there are too few examples for the neighbours.
    """
    from sklearn import manifold

    if len(points) <= 2 * neighbours:
        raise GwsimError(
            f"{len(points)} examples are too few for the trustworthiness of {neighbours} neighbours, which "
            f"takes at least {2 * neighbours + 1}: take more examples"
        )
    some = measured(len(points), seed)
    with _one_thread():
        return float(manifold.trustworthiness(features[some], points[some], n_neighbors=neighbours))


def silhouette(points: Points, labels: Labels, seed: int) -> float:
    """Return how much nearer points are to their own class than to the next one, -1 to 1, on average."""
    from sklearn import metrics

    some = measured(len(points), seed)
    with _one_thread():
        return float(metrics.silhouette_score(points[some], labels[some]))


def measured(count: int, seed: int) -> np.ndarray:
    """Return the places of the examples that are compared pair by pair: all, or a random MOST_MEASURED."""
    if count <= MOST_MEASURED:
        return np.arange(count)
    return np.sort(seeds.generator("embed", "measured", seed).choice(count, MOST_MEASURED, replace=False))


def neighbour_accuracy(points: Points, labels: Labels, k: int = NEIGHBOURS) -> float:
    """Return the share of examples whose label most of their k nearest others have; ties go to the nearest.

    Raises GwsimError where there are not k others.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(points) <= k:
        raise GwsimError(f"{len(points)} examples are too few for {k} nearest others: take more examples")
    classes, places = np.unique(labels, return_inverse=True)
    with _one_thread():
        near = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    votes = np.zeros((len(points), len(classes)))
    sample = np.arange(len(points))
    for rank in range(k):
        # All extras are less than one vote together, and each is more than all that follow.
        votes[sample, places[near[:, rank]]] += 1 + 0.5 ** (rank + 2)
    return float(np.mean(votes.argmax(axis=1) == places))


# ---- all of it


def embed(
    features: Features, untrained: Features, labels: Labels, settings: dict
) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    """Return the coordinates in each map by column of the table, and the numbers to say of them.

    untrained: the same examples' features of the network before it learnt anything, since loud signals lie
    apart in random features too. settings: pca (components), perplexity, neighbours, seed.
    """
    seed = settings["seed"]
    known = components.products(features) if components.wide(features) else None
    points = components.principal(features, settings["pca"], known)
    maps = {
        "tsne": tsne(points, settings["perplexity"], seed),
        "umap": umap(points, settings["neighbours"], seed),
    }
    coordinates = {f"{name}_{axis}": its[:, i] for name, its in maps.items() for i, axis in enumerate("xy")}
    space = umap(points, settings["neighbours"], seed, dimensions=3)
    coordinates |= {f"umap3_{axis}": space[:, i] for i, axis in enumerate("xyz")}
    near = components.nearest(points, NEAREST)
    coordinates |= {f"near_{rank + 1}": near[:, rank] for rank in range(NEAREST)}
    features = features if known is None else components.spread(known)
    spaces = {**maps, "umap3": space, "pca": points, "features": features, "untrained": untrained}
    return coordinates, numbers(spaces, labels, seed)


TITLES = {
    "tsne": "the t-SNE map",
    "umap": "the UMAP map",
    "umap3": "the UMAP map of three dimensions",
    "pca": "the principal components",
    "features": "the space of all features",
    "untrained": "the space of the untrained network's features",
}
MAPS = ("tsne", "umap", "umap3")


def numbers(spaces: dict[str, Points], labels: Labels, seed: int) -> dict[str, dict]:
    """Return what the maps keep of the features: name -> value, error (one sigma), n, meaning."""
    some, found = len(measured(len(labels), seed)), {}
    for name in MAPS:
        value = trustworthiness(spaces["features"], spaces[name], seed)
        meaning = f"trustworthiness of {TITLES[name]} against all features, {NEIGHBOURS} neighbours"
        found[f"trustworthiness_{name}"] = {"value": value, "error": None, "n": some, "meaning": meaning}
    for name, its in spaces.items():
        value = neighbour_accuracy(its, labels)
        error = float(np.sqrt(value * (1 - value) / len(labels)))
        meaning = f"share of examples whose label {NEIGHBOURS} nearest others tell in {TITLES[name]}"
        found[f"knn_{name}"] = {"value": value, "error": error, "n": len(labels), "meaning": meaning}
    for name in (*MAPS, "pca"):
        value = silhouette(spaces[name], labels, seed)
        meaning = f"mean silhouette of the classes in {TITLES[name]}"
        found[f"silhouette_{name}"] = {"value": value, "error": None, "n": some, "meaning": meaning}
    return found


def embedding(examples: pd.DataFrame, coordinates: dict) -> pd.DataFrame:
    """Return the table of the product; examples: dataset, row, label, predicted, score."""
    columns = {**examples, **coordinates}
    return pd.DataFrame({name: np.asarray(columns[name], COLUMNS[name][0]) for name in COLUMNS})
