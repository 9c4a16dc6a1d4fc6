"""Principal components of features, exact and the same at any number of threads, and nearest neighbours.

Takes features (sample, feature), of which there may be many more than examples: then all is worked out from
the products of examples with one another (sample, sample), and never from those of features. A copy of all
features in float64 is not made there: they are taken some columns at a time.
"""

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from gwsim.errors import GwsimError

Features = Float[np.ndarray, "sample feature"]
Points = Float[np.ndarray, "sample axis"]
Products = Float[np.ndarray, "sample sample"]

DECIMALS = 5
# Loadings this close to the largest are as large: rounding must not decide a component's sign.
TIE = 1e-6
# Features that are taken at a time, as float64: half a GiB for 8,583 examples.
COLUMNS = 8192
# Of the largest product, what rounding leaves of examples that others already span.
RANK = 1e-13
# Examples whose distances to all others are held at a time.
ROWS = 512


def principal(
    features: Features, components: int, products: Products | None = None
) -> Float[np.ndarray, "sample component"]:
    """Return the first principal components, in units of the first one's standard deviation, float32.

    A scale common to all axes changes no map. Values are rounded, so that differences of the last bits end
    here and do not move clusters. products: those of the features where they are known.

    Raises GwsimError for features that are not finite, are all the same, or are too few.
    """
    _refuse_unusable(features, components)
    with threadpool_limits(limits=1):
        if wide(features):
            points = _from_products(features, components, products)
        else:
            points = _from_covariance(features, components)
    return np.round(points / points[:, 0].std(), DECIMALS).astype(np.float32)


def wide(features: Features) -> bool:
    """Return whether there are more features than examples."""
    return features.shape[1] > features.shape[0]


def products(features: Features) -> Products:
    """Return the products of centred examples with one another, float64."""
    total = np.zeros((len(features),) * 2)
    with threadpool_limits(limits=1):
        for part in _centred(features):
            total += part @ part.T
    return total


def spread(products: Products) -> Points:
    """Return points as far apart as the features, on no more axes than there are examples, float32.

    They are the rows of the products' Cholesky factor; an example that others span adds no axis.
    """
    from scipy.linalg import lapack

    with threadpool_limits(limits=1):
        factor, order, rank, _ = lapack.dpstrf(products, tol=RANK * products.diagonal().max(), lower=1)
    points = np.empty((len(products), rank), np.float32)
    points[order - 1] = np.tril(factor)[:, :rank]
    return points


def compact(features: Features) -> Points:
    """Return the features, or points as far apart where the features outnumber the examples."""
    return spread(products(features)) if wide(features) else features


def nearest(points: Points, count: int) -> Int[np.ndarray, "sample rank"]:
    """Return the places of each point's nearest others, the nearest first; of equally far ones the first.

    Raises GwsimError where there are not so many others.
    """
    from scipy.spatial.distance import cdist

    if len(points) <= count:
        raise GwsimError(f"{len(points)} examples are too few for {count} nearest others: take more examples")
    found = np.empty((len(points), count), np.int32)
    for first in range(0, len(points), ROWS):
        part = points[first : first + ROWS]
        # Pair by pair, since a product of matrices rounds equal distances apart.
        apart = cdist(part.astype(np.float64), points.astype(np.float64), "sqeuclidean")
        apart[np.arange(len(part)), first + np.arange(len(part))] = np.inf
        found[first : first + ROWS] = np.argsort(apart, axis=1, kind="stable")[:, :count]
    return found


def _from_covariance(features: Features, components: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    # float64, and the solver that draws nothing: a randomised float32 one depends on the threads.
    centred = features.astype(np.float64)
    centred -= centred.mean(axis=0)
    pca = PCA(components, svd_solver="covariance_eigh").fit(centred)
    return pca.transform(centred) * _signs(pca.components_)


def _from_products(features: Features, components: int, known: Products | None) -> np.ndarray:
    from scipy.linalg import eigh

    known = products(features) if known is None else known
    last = len(features) - 1
    values, vectors = eigh(known, subset_by_index=(last - components + 1, last))
    values, vectors = values[::-1], vectors[:, ::-1]
    loadings = [vectors.T @ part for part in _centred(features)]
    return vectors * np.sqrt(np.maximum(values, 0)) * _signs(np.concatenate(loadings, axis=1))


def _centred(features: Features):
    """Yield some columns at a time, as float64, each with a mean of zero."""
    for first in range(0, features.shape[1], COLUMNS):
        part = features[:, first : first + COLUMNS].astype(np.float64)
        yield part - part.mean(axis=0)


def _refuse_unusable(features: np.ndarray, components: int) -> None:
    bad = [place for place, row in enumerate(features) if not np.isfinite(row).all()]
    if bad:
        raise GwsimError(
            f"{len(bad)} of {len(features)} examples have features that are not finite (counted from 0, the "
            f"first: {bad[:5]}): the weights or the examples hold NaN or infinity; "
            "train again, or verify the dataset"
        )
    if components > min(features.shape):
        raise GwsimError(
            f"{components} principal components are wanted of {features.shape[0]} examples with "
            f"{features.shape[1]} features, which have at most {min(features.shape)}: "
            "lower pca or take more examples"
        )
    if all((row == features[0]).all() for row in features):
        raise GwsimError(
            f"all {len(features)} examples have the same features: the network tells nothing apart; "
            "train it again"
        )


def _signs(loadings: np.ndarray) -> np.ndarray:
    """Return the signs that make each component's largest loading positive, of equal ones the first."""
    size = np.abs(loadings)
    first = np.argmax(size >= (1 - TIE) * size.max(axis=1, keepdims=True), axis=1)
    return np.where(loadings[np.arange(len(loadings)), first] < 0, -1.0, 1.0)
