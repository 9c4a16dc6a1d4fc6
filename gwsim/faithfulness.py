"""Whether a map says what the network rests on: numbers that put maps to the test.

Takes a model in eval mode, inputs (sample, ifo, *space), maps on the input (sample, *space) and one class of
each sample; gives one number a sample, or a curve. Average drop and average increase are equations 13 to 15
of Sasaoka et al. 2023. Which of two maps is better depends on what fills the pixels that are taken away, and
a smooth map of nothing scores too: give every number for several fills, and for `random_maps` beside.
"""

import copy

import numpy as np
import scipy.stats
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gwsim import cams, seeds

Target = Int[Tensor, "sample"]
Values = Float[Tensor, "sample"]
Fill = Float[Tensor, "ifo *space"]
# Kinds of curves, and what is done to the pixels that a map ranks highest.
KINDS = {"insertion": "shown", "deletion": "taken away"}
# The maps of nothing, which stand beside each method's.
RANDOM = "random"


@torch.no_grad()
def scores(
    model: nn.Module, x: cams.Inputs, target: Target, score: str = "softmax", chunk: int | None = None
) -> Values:
    """Return each sample's score of its class."""
    parts = x.split(chunk or cams.fitting_chunk(x))
    found = torch.cat([cams.SCORES[score](model(cams.laid_out(part))) for part in parts])
    return found.gather(1, target[:, None].long())[:, 0]


# ---- average drop and average increase


def masked(x: cams.Inputs, maps: cams.Maps) -> cams.Inputs:
    """Return E = L o X (equation 13), L in [0, 1] at the input's size; NaN of L show nothing."""
    return x * maps.nan_to_num(0.0)[:, None]


def drop(before: Values, after: Values) -> Values:
    """Return each sample's term of equation 14 in per cent; a score of 0 cannot drop."""
    fallen = (before - after).clamp(min=0)
    return 100 * torch.where(before > 0, fallen / before, 0.0)


def increase(before: Values, after: Values) -> Values:
    """Return each sample's term of equation 15 in per cent: whether the score is greater, not equal."""
    return 100 * (after > before).to(before)


# ---- insertion and deletion


def curve(
    model: nn.Module,
    x: cams.Inputs,
    maps: cams.Maps,
    target: Target,
    fill: Fill,
    steps: int,
    kind: str,
    score: str = "softmax",
    chunk: int | None = None,
) -> Float[Tensor, "sample step"]:
    """Return scores while the pixels of the map, highest first, are put in place of the fill, or taken away.

    Step t of 0 ... steps has the first t / steps of the pixels, those of all ifos together. "insertion" shows
    them over the fill; "deletion" fills them, and shows the rest.
    """
    cams.demand("kind", kind, KINDS)
    pixels = maps[0].numel()
    rank = ranks(maps).reshape(len(x), 1, *maps.shape[1:])
    columns = []
    for step in range(steps + 1):
        first = rank < round(step / steps * pixels)
        shown = first if kind == "insertion" else ~first
        columns.append(scores(model, torch.where(shown, x, fill), target, score, chunk))
    return torch.stack(columns, dim=1)


def ranks(maps: cams.Maps) -> Int[Tensor, "sample pixel"]:
    """Return each pixel's place in the order of its sample's map, the highest 0 and NaN last.

    Equal pixels, such as the zeros of a map, are in an order that is random and always the same: in that of
    the axes, a map without contrast would be read from the lowest frequency on.
    """
    flat = maps.flatten(1)
    flat = torch.where(flat.isnan(), -torch.inf, flat)
    shuffled = seeds.generator("faithfulness", "ties").permutation(flat.shape[1])
    shuffled = torch.from_numpy(shuffled).to(flat.device)
    order = shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]
    places = torch.arange(flat.shape[1], device=flat.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


def area(curves: Float[Tensor, "sample step"]) -> Values:
    """Return the area under each curve, over fractions from 0 to 1."""
    return torch.trapezoid(curves, dx=1 / (curves.shape[1] - 1), dim=1)


# ---- randomised networks, and maps of nothing


def random_maps(shape: tuple[int, ...], *labels) -> Float[Tensor, "..."]:
    """Return maps of uniform noise, named by the labels."""
    generator = seeds.generator("faithfulness", "random", *labels)
    return torch.from_numpy(generator.random(shape, dtype=np.float32))


def layers(model: nn.Module) -> list[str]:
    """Return the names of the layers that have weights to draw, from the input on."""
    return [name for name, module in model.named_modules() if _drawn(module)]


def _drawn(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(weight, nn.Parameter) and weight.ndim > 1


def randomised(model: nn.Module, names: list[str], *labels) -> nn.Module:
    """Return a copy whose named layers have fresh weights, uniform within 1 / sqrt(inputs of a unit)."""
    fresh = copy.deepcopy(model)
    for name in names:
        module = fresh.get_submodule(name)
        bound = module.weight[0].numel() ** -0.5
        for kind, values in module.named_parameters(recurse=False):
            uniform = seeds.generator("faithfulness", "randomised", *labels, name, kind).random(values.shape)
            values.data = torch.from_numpy(bound * (2 * uniform - 1)).to(values)
    return fresh


def cascade(model: nn.Module, *labels):
    """Yield (layer, model) with one more layer randomised each time, from the output on, up to all."""
    names = layers(model)[::-1]
    for count, name in enumerate(names, start=1):
        yield name, randomised(model, names[:count], *labels)


def rank_correlation(one: cams.Maps, other: cams.Maps) -> np.ndarray:
    """Return Spearman's correlation of each sample's two maps, NaN where one of them is constant."""
    a, b = (scipy.stats.rankdata(maps.flatten(1).cpu().numpy(), axis=1) for maps in (one, other))
    a, b = (ranked - ranked.mean(axis=1, keepdims=True) for ranked in (a, b))
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.full(len(a), np.nan), where=norm > 0)


# ---- numbers


def summary(values, meaning: str) -> dict:
    """Return the mean of the values that are numbers, its standard error, and how many they are.

    For values of 0 and 100 the error is the binomial one.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    count = len(values)
    return {
        "value": float(values.mean()) if count else None,
        "error": float(values.std() / np.sqrt(count)) if count > 1 else None,
        "n": count,
        "meaning": meaning,
    }
