"""The t-SNE map of 50 principal components of features that lie in ten clusters, perplexity 30."""

from pathlib import Path

import numpy as np
import scipy.sparse
from measuring import CORE, MEMORY, OURS, PEER, PLAIN, Part, Stage, Way, copied

from gwsim import embed

POINTS, AXES, CLUSTERS, PERPLEXITY = 400, 50, 10, 30
# Steps of openTSNE and of scikit-learn by default: 250 early ones, then 500 and 750.
STEPS = 750


def build(folder: Path, times: int) -> Stage:
    points, few = features(times * POINTS), features(POINTS)
    near = neighbours(few)
    return Stage(
        unit="points",
        about=f"{__doc__} {POINTS} points. Ours is openTSNE with exact neighbours, one thread and a start "
        "from the components: one map everywhere. scikit-learn's does 1000 steps in place of "
        f"{STEPS}. The limit has distances and the attraction of neighbours, not repulsion of all points.",
        ways=[
            Way("gwsim", OURS, lambda: len(embed.tsne(points, PERPLEXITY, 1))),
            Way("openTSNE's defaults", PEER, lambda: by_open_tsne(few)),
            Way("scikit-learn's TSNE", PLAIN, lambda: by_sklearn(few)),
        ],
        limit=[
            Part("distances of all pairs, bare", CORE, distances(few)),
            Part("sums over neighbours of all steps, bare", CORE, attraction(near)),
            Part("points read once", MEMORY, copied(4 * AXES)),
        ],
    )


def features(count: int) -> np.ndarray:
    """Return points in clusters, in units of the first axis's standard deviation, as the stage has them."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((CLUSTERS, AXES))
    points = centres[np.arange(count) % CLUSTERS] + rng.standard_normal((count, AXES))
    points = points[:, np.argsort(-points.std(0))]
    return (points / points[:, 0].std()).astype(np.float32)


def by_open_tsne(points: np.ndarray) -> int:
    from openTSNE import TSNE

    return len(TSNE(perplexity=PERPLEXITY, n_jobs=1, random_state=1).fit(points))


def by_sklearn(points: np.ndarray) -> int:
    from sklearn.manifold import TSNE

    return len(TSNE(perplexity=PERPLEXITY, n_jobs=1, random_state=1).fit_transform(points))


def neighbours(points: np.ndarray) -> scipy.sparse.csr_array:
    """Return a matrix of each point's neighbours, three for each unit of the perplexity, as in t-SNE."""
    from sklearn.neighbors import kneighbors_graph

    return scipy.sparse.csr_array(kneighbors_graph(points, 3 * PERPLEXITY))


def distances(points: np.ndarray):
    return lambda: np.matmul(points, points.T).shape[0]


def attraction(near: scipy.sparse.csr_array):
    """Return the products that add up each point's neighbours, two coordinates each, in every step."""
    places = np.random.default_rng(1).standard_normal((near.shape[0], 2))

    def work():
        for _ in range(STEPS):
            near @ places
        return near.shape[0]

    return work
