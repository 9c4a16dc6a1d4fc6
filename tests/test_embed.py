"""Maps of features: components and measures against their definitions, maps the same at any threads."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gwsim import components, embed, seeds
from gwsim.errors import GwsimError


def clusters(count=100, size=40, apart=8.0, classes=3):
    """Return features of Gaussian clusters whose centres are `apart` sigmas per axis, and their labels."""
    draw = seeds.generator("test_embed", "clusters")
    labels = np.repeat(np.arange(classes), count)
    centres = apart * draw.normal(size=(classes, size))
    return (draw.normal(size=(len(labels), size)) + centres[labels]).astype(np.float32), labels


# ---- features


def test_features_are_taken_batch_by_batch_in_order():
    class Doubling(torch.nn.Module):
        def features(self, x):
            assert not torch.is_grad_enabled()
            return 2 * x.flatten(1)

    x = torch.arange(24.0).reshape(4, 3, 2)
    found = embed.extract(Doubling(), [(None, x[:3]), (None, x[3:])], torch.device("cpu"), 4)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, 2 * np.arange(24.0).reshape(4, 6))


# ---- principal components


def test_components_are_those_of_a_singular_value_decomposition():
    draw = seeds.generator("test_embed", "svd")
    features = draw.normal(size=(80, 20)) * np.linspace(3, 1, 20) + 5
    found = components.principal(features.astype(np.float32), 6)
    left, scale, right = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    expected = left[:, :6] * scale[:6] * np.sign(right[:6].max(axis=1) + right[:6].min(axis=1))
    # To the rounding of float32 features and of the components' five decimals.
    np.testing.assert_allclose(found, expected / expected[:, 0].std(), atol=1.2e-5)
    np.testing.assert_array_equal(found, np.round(found.astype(float), 5).astype(np.float32))
    assert found.dtype == np.float32 and found.shape == (80, 6)


def test_components_change_with_features_and_not_with_their_scale():
    features, _ = clusters(20)
    found = components.principal(features, 5)
    np.testing.assert_array_equal(components.principal(features * np.float32(2**-20), 5), found)
    np.testing.assert_array_equal(components.principal(-features, 5), -found)
    order = seeds.generator("test_embed", "order").permutation(len(features))
    np.testing.assert_allclose(components.principal(features[order], 5), found[order], atol=1.1e-5)


def test_loadings_of_equal_size_give_the_first_the_sign():
    low = 1 - 1e-12  # what rounding may do to two loadings that are equal
    for first, second in ((1, -low), (low, -1), (-1, low), (-low, 1)):
        assert components._signs(np.array([[0.5, first, second]])).tolist() == [np.sign(first)]
    assert components._signs(np.array([[0.5, 0.9, -1.0]])).tolist() == [-1]


def test_of_two_columns_that_mirror_each_other_the_first_gives_the_sign():
    features, _ = clusters(20)
    one = 50 * seeds.generator("test_embed", "mirror").normal(size=60)
    mirrored = np.column_stack([one, -one * (1 + 1e-9), features])
    assert np.corrcoef(components.principal(mirrored, 3)[:, 0], one)[0, 1] > 0.99


def test_an_offset_far_above_the_spread_costs_no_digits():
    features = clusters(20)[0].astype(np.float64)
    found = components.principal(features + 1e7, 5)
    np.testing.assert_allclose(found, components.principal(features, 5), atol=1.1e-5)


def test_unusable_features_are_refused():
    features, _ = clusters(20)
    broken = features.copy()
    broken[[4, 9], 3] = np.nan, np.inf
    with pytest.raises(GwsimError, match=r"2 of 60 examples .* not finite .*first: \[4, 9\]"):
        components.principal(broken, 5)
    with pytest.raises(
        GwsimError, match="50 principal components are wanted of 60 examples with 40 features"
    ):
        components.principal(features, 50)
    with pytest.raises(GwsimError, match="all 60 examples have the same features"):
        components.principal(np.full_like(features, 0.1), 5)


def test_too_few_examples_are_refused_with_both_numbers():
    points = components.principal(clusters(20)[0], 5)
    with pytest.raises(
        GwsimError, match=r"60 examples are too few for a t-SNE of perplexity 20,.*least 61.*19"
    ):
        embed.tsne(points, 20, 1)
    with pytest.raises(GwsimError, match=r"60 examples are too few for a UMAP of 60 neighbours.*least 61"):
        embed.umap(points, 60, 1)
    with pytest.raises(
        GwsimError, match=r"20 examples are too few for the trustworthiness of 10 neigh.*least 21"
    ):
        embed.trustworthiness(points[:20], points[:20], 1)
    with pytest.raises(GwsimError, match="10 examples are too few for 10 nearest others"):
        embed.neighbour_accuracy(points[:10], np.zeros(10, int))


# ---- measures


def distances(points):
    return np.sqrt(((points[:, None].astype(float) - points[None]) ** 2).sum(axis=-1))


def nearest_first(points):
    """Return the other examples of each, nearest first."""
    apart = distances(points)
    np.fill_diagonal(apart, -1)
    return np.argsort(apart, axis=1, kind="stable")[:, 1:]


@pytest.mark.parametrize("k", [1, 4, 10])
def test_neighbour_accuracy_is_that_of_brute_force(k):
    draw = seeds.generator("test_embed", "brute")
    points, labels = draw.normal(size=(150, 3)), draw.integers(0, 4, 150)
    points[:, 0] += 0.8 * labels
    # Of equally many, Counter names the one that it met first: that of the nearest.
    votes = [Counter(labels[near[:k]].tolist()).most_common(1)[0][0] for near in nearest_first(points)]
    expected = np.mean(np.array(votes) == labels)
    assert embed.neighbour_accuracy(points, labels, k) == pytest.approx(expected, abs=1e-12)
    assert 0.3 < expected < 0.9


def test_random_labels_are_told_by_chance():
    features, _ = clusters()
    labels = seeds.generator("test_embed", "random").permutation(np.arange(300) % 3)
    accuracy = embed.neighbour_accuracy(features, labels)
    assert abs(accuracy - 1 / 3) < 5 * np.sqrt(2 / 9 / 300)
    assert abs(embed.silhouette(features, labels, 1)) < 0.05


def trust(features, points, k):
    """Return trustworthiness as Venna and Kaski define it (2001, equation 1)."""
    near, there, total = nearest_first(features), nearest_first(points), 0
    for i in range(len(points)):
        rank = {other: place + 1 for place, other in enumerate(near[i].tolist())}
        total += sum(rank[other] - k for other in there[i, :k].tolist() if rank[other] > k)
    n = len(points)
    return 1 - 2 * total / (n * k * (2 * n - 3 * k - 1))


def test_trustworthiness_by_hand_and_by_its_definition():
    # Of five points on a line, the last two change places: one's nearest then ranks 2, the other's 4.
    line, swapped = np.array([[0.0], [1], [3], [7], [15]]), np.array([[0.0], [1], [3], [15], [7]])
    assert embed.trustworthiness(line, swapped, 1, neighbours=1) == pytest.approx(11 / 15, abs=1e-12)
    draw = seeds.generator("test_embed", "trust")
    features = draw.normal(size=(90, 6))
    points = features[:, :2] + 0.3 * draw.normal(size=(90, 2))
    assert embed.trustworthiness(features, points, 1) == pytest.approx(trust(features, points, 10), abs=1e-12)
    assert embed.trustworthiness(features, 3 * features, 1) == 1
    assert embed.trustworthiness(features, draw.normal(size=(90, 2)), 1) < 0.65


def test_large_sets_are_measured_on_a_part_that_the_seed_names(monkeypatch):
    monkeypatch.setattr(embed, "MOST_MEASURED", 60)
    draw = seeds.generator("test_embed", "part")
    features, points = draw.normal(size=(200, 5)), draw.normal(size=(200, 2))
    some = embed.measured(200, 1)
    assert len(np.unique(some)) == 60 and (np.diff(some) > 0).all() and some.max() > 150
    assert embed.trustworthiness(features, points, 1) == pytest.approx(
        trust(features[some], points[some], 10)
    )
    assert embed.measured(200, 1).tolist() == some.tolist() != embed.measured(200, 2).tolist()
    assert embed.measured(60, 1).tolist() == list(range(60))


# ---- maps, each once with one and once with two threads, in processes of their own


MAPS = """
import hashlib, json, warnings
warnings.filterwarnings("error")
warnings.filterwarnings("ignore", category=ImportWarning)  # umap looks for tensorflow
import numpy as np
from gwsim import components, embed
from test_embed import clusters

def digest(values):
    return hashlib.sha256(values.tobytes()).hexdigest()

features, labels = clusters()
settings = {"pca": 20, "perplexity": 30, "neighbours": 15, "seed": 3}
coordinates, numbers = embed.embed(features, features, labels, settings)
again, _ = embed.embed(features, features, labels, settings)
points = components.principal(features, 20)
# Enough rows for BLAS to share out, and no structure that would hide a difference.
wide = np.random.default_rng(1).normal(size=(1500, 300)).astype(np.float32)
print(json.dumps({
    "coordinates": {name: digest(values) for name, values in coordinates.items()},
    "again": {name: digest(values) for name, values in again.items()},
    "shapes": {name: [str(values.dtype), *values.shape] for name, values in coordinates.items()},
    "numbers": numbers,
    "principal": digest(components.principal(wide, 50)),
    "space": digest(embed.umap(points, 15, 3, dimensions=3)),
    "other": digest(embed.umap(points, 15, 4)[:, 0].copy()),
    "threads": __import__("sklearn.utils.parallel").utils.parallel._threadpool_controller.info(),
}))
"""


@pytest.fixture(scope="module")
def mapped():
    """What processes with one and two threads say of the same maps."""
    here = Path(__file__).resolve().parent
    started = []
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        environment["PYTHONPATH"] = os.pathsep.join([str(here.parent), str(here)])
        command = [sys.executable, "-c", MAPS]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True))
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return [json.loads(text) for text in said]


def test_maps_are_the_same_at_any_number_of_threads(mapped):
    one, two = mapped
    threads = [{library["num_threads"] for library in its.pop("threads")} for its in (one, two)]
    assert threads == [{1}, {2}]
    assert one == two


def test_maps_are_the_same_again_and_others_for_another_seed(mapped):
    assert mapped[0]["again"] == mapped[0]["coordinates"]
    assert mapped[0]["other"] != mapped[0]["coordinates"]["umap_x"]
    assert len({*mapped[0]["coordinates"].values(), mapped[0]["space"]}) == 16


def test_clusters_far_apart_stay_apart(mapped):
    numbers = mapped[0]["numbers"]
    for name in ("tsne", "umap", "pca", "features"):
        assert (numbers[f"knn_{name}"]["value"], numbers[f"knn_{name}"]["error"]) == (1, 0)
    # Within its cluster of 40 equal axes, a plane can keep little; between clusters it must keep all.
    for name in ("tsne", "umap"):
        assert 0.85 < numbers[f"trustworthiness_{name}"]["value"] < 1
        assert numbers[f"silhouette_{name}"]["value"] > 0.7


def test_numbers_carry_error_count_and_meaning(mapped):
    for number in mapped[0]["numbers"].values():
        assert set(number) == {"value", "error", "n", "meaning"} and number["n"] == 300 and number["meaning"]
    points, labels = seeds.generator("test_embed", "error").normal(size=(100, 2)), np.arange(100) % 2
    found = embed.numbers(dict.fromkeys(embed.TITLES, points), labels, 1)["knn_tsne"]
    assert found["error"] == pytest.approx(np.sqrt(found["value"] * (1 - found["value"]) / 100)) != 0


def test_product_has_the_columns_of_its_table(mapped):
    axes = {name: np.arange(3, dtype=kind) for name, (kind, _) in mapped[0]["shapes"].items()}
    told = {"dataset": [0, 0, 1], "row": [4, 5, 9], "label": [0, 1, 2], "predicted": [0, 1, 1], "score": 0.5}
    made = embed.embedding(pd.DataFrame(told), axes)
    assert {name: str(kind) for name, kind in made.dtypes.items()} == {
        name: kind for name, (kind, _, _) in embed.COLUMNS.items()
    }
    kinds = {name: [kind, 300] for name, (kind, _, _) in embed.COLUMNS.items() if name in axes}
    assert mapped[0]["shapes"] == kinds and len(kinds) == 15
    assert made["row"].tolist() == [4, 5, 9] and made["umap_y"].tolist() == [0, 1, 2]


def test_nothing_heavy_is_imported_with_the_module_or_its_verb():
    code = (
        "import sys, gwsim.embed, gwsim.cli.embed;"
        "print(sorted({'sklearn', 'openTSNE', 'umap', 'numba', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
