"""Class-activation maps: where a network looks, as Grad-CAM, Grad-CAM++ and Score-CAM of one of its layers.

Takes a model in eval mode, inputs (sample, ifo, *space) and classes, (sample) or (sample, target); gives
maps on the layer's own grid, (sample, *cells) or (sample, target, *cells), not normalised. Space has one axis
(time) or two (frequency, frame). Equations are those of Sasaoka et al. 2023 (Phys. Rev. D 108, 123033). The
layer is the model's `cam_layer` unless given; its output A is taken as it is, signed where it has no ReLU.
"""

import contextlib
import weakref

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gwsim.errors import GwsimError

Inputs = Float[Tensor, "sample ifo *space"]
Classes = Int[Tensor, "sample *target"]
Maps = Float[Tensor, "sample *map"]

# Most masked inputs of one forward pass, and most bytes of them on a CPU: more are not faster, and what is
# between the layers takes some thirty times as much memory.
CHUNK, CHUNK_BYTES = 64, 4 * 2**20
SCORES = {"softmax": lambda logits: logits.softmax(-1), "logit": lambda logits: logits}
REDUCTIONS = ("mean", "sum")
LINEAR = {1: "linear", 2: "bilinear"}
# What each network sees of inputs of a shape: it follows from the network's layers, whatever their weights.
_SEEN = weakref.WeakKeyDictionary()


# ---- the three methods


def grad_cam(model: nn.Module, x: Inputs, target: Classes, layer=None, reduce: str = "mean") -> Maps:
    """Return Grad-CAM of logits (equations 6, 7); reduce "sum" leaves out 6's division by the cells."""
    demand("reduce", reduce, REDUCTIONS)
    activation, gradient = _gradients(model, x, target, layer)
    weights = gradient.flatten(3)
    return _combined(weights.mean(-1) if reduce == "mean" else weights.sum(-1), activation, target)


def grad_cam_pp(model: nn.Module, x: Inputs, target: Classes, layer=None) -> Maps:
    """Return Grad-CAM++ (equations 8 to 10) in its closed form for Y = exp(S), S the logit.

    For Y = S the derivatives of 9 vanish in a piecewise linear network, and it is 0/0. For exp(S) it is
    alpha = g^2 / (2 g^2 + (sum A) g^3) = 1 / (2 + (sum A) g) with g = dS/dA, and 0 where the denominator is
    0; the factor exp(S) of the weights is left out, since it scales a map as a whole.
    """
    activation, gradient = _gradients(model, x, target, layer)
    gradient, total = gradient.flatten(3), activation.flatten(2).sum(-1)
    denominator = 2 + total[:, None, :, None] * gradient
    terms = torch.where(denominator == 0, 0.0, gradient.relu() / denominator)
    return _combined(terms.sum(-1), activation, target)


def score_cam(
    model: nn.Module,
    x: Inputs,
    target: Classes,
    layer=None,
    score: str = "softmax",
    chunk: int | None = None,
) -> Maps:
    """Return Score-CAM with the baseline subtracted (equations 11, 12)."""
    activation, weights = score_weights(model, x, layer, score, chunk)
    chosen = weights.transpose(1, 2)[torch.arange(len(x), device=x.device)[:, None], _columns(target)]
    return _combined(chosen, activation, target)


# One signature for all, so that a verb can loop; options: reduce, score.
METHODS = {
    "grad_cam": lambda model, x, target, options: grad_cam(model, x, target, reduce=options["reduce"]),
    "grad_cam_pp": lambda model, x, target, options: grad_cam_pp(model, x, target),
    "score_cam": lambda model, x, target, options: score_cam(model, x, target, score=options["score"]),
}


# ---- gradients


def _gradients(model, x, target, layer) -> tuple[Tensor, Tensor]:
    """Return A (sample, channel, *cells) and dS/dA (sample, target, channel, *cells)."""
    with torch.enable_grad(), _hooked(model, layer, _leaf) as found:
        logits = model(laid_out(x))
        activation = _only(found)
        # Samples do not meet in eval mode: the gradient of the sum holds each one's own.
        chosen = logits.gather(1, _columns(target)).sum(0)
        each = [torch.autograd.grad(one, activation, retain_graph=True)[0] for one in chosen]
    return activation.detach(), torch.stack(each, dim=1)


def _leaf(output: Tensor, found: list) -> Tensor:
    """Keep a layer's output as a leaf; what goes on is a clone, which operations in place may overwrite."""
    found.append(output.detach().requires_grad_())
    return found[0].clone()


# ---- masked passes


@torch.no_grad()
def score_weights(
    model: nn.Module,
    x: Inputs,
    layer=None,
    score: str = "softmax",
    chunk: int | None = None,
    baseline: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return A and Score-CAM's weights f(X o H_k) - f(X_b) of all classes, (sample, channel, class).

    H_k is A_k at the input's size, scaled to [0, 1] after that; X_b is black. A constant A_k masks nothing:
    it has weight 0 and no pass. One forward pass has up to `chunk` masked inputs, of whichever samples.
    """
    demand("score", score, SCORES)
    x, chunk = laid_out(x), chunk or fitting_chunk(x)
    activation = torch.cat([activations(model, part, layer) for part in x.split(chunk)]).contiguous()
    cells = activation.flatten(2)
    sample, channel = (cells.amin(-1) != cells.amax(-1)).nonzero(as_tuple=True)
    black = SCORES[score](model(torch.zeros_like(x[:1])))
    weights = black.new_zeros((*cells.shape[:2], black.shape[1]))
    if not len(sample):
        return activation, weights
    masked = _Masked(x, laid_out(x[_seen(model, x)]), tuple(activation.shape[2:]), min(chunk, len(sample)))
    for its, ours in zip(sample.split(chunk), channel.split(chunk), strict=True):
        scores = SCORES[score](model(masked(its, activation[its, ours])))
        weights[its, ours] = scores - black if baseline else scores
    return activation, weights


def fitting_chunk(x: Inputs) -> int:
    """Return how many inputs like these a forward pass has."""
    most = CHUNK_BYTES // max(1, x[0].nbytes) if x.device.type == "cpu" else CHUNK
    return min(max(1, most), CHUNK)


def activations(model: nn.Module, x: Inputs, layer=None) -> Tensor:
    """Return a layer's output, of a forward pass that ends there."""
    with _hooked(model, layer, _end) as found, contextlib.suppress(_Reached):
        model(x)
    return _only(found)


class _Reached(Exception):
    """The forward pass came to the layer: the rest of it is not needed."""


def _end(output: Tensor, found: list):
    found.append(output)
    raise _Reached


def _seen(model, x: Tensor) -> tuple[slice, ...]:
    """Return the part of the input that the model can see: its masked passes need no more.

    Pooling drops what does not fill a window, so that a network may be blind to the input's last pixels:
    where NaN leave its scores finite. It sees a part if it gives the same scores for the part alone.
    """
    known = _SEEN.setdefault(model, {})
    if x.shape[1:] not in known:
        known[x.shape[1:]] = _find_seen(model, x[:1])
    return known[x.shape[1:]]


def _find_seen(model, x: Tensor) -> tuple[slice, ...]:
    part = [slice(None)] * x.ndim
    for axis in range(2, x.ndim):
        for last in range(x.shape[axis] - 1, 0, -1):
            probe = x.clone()
            probe.narrow(axis, last, x.shape[axis] - last).fill_(torch.nan)
            if not model(probe).isfinite().all():
                break
            part[axis] = slice(last)
    # A network of one size of inputs cannot take a part of it.
    with contextlib.suppress(RuntimeError):
        if torch.allclose(model(laid_out(x[tuple(part)])), model(x)):
            return tuple(part)
    return (slice(None),) * x.ndim


class _Masked:
    """Makes masked inputs X o H in one place in memory; seen: the part of the inputs that passes need.

    Interpolation along an axis is a product with a small matrix. Where channels are last in memory the last
    product gives a mask once for every ifo, side by side: to multiply is then one pass over the memory.
    """

    def __init__(self, x: Tensor, seen: Tensor, cells: tuple[int, ...], count: int):
        self.seen, ifos = seen, x.shape[1]
        self.repeated = seen.ndim == 4 and seen.is_contiguous(memory_format=torch.channels_last)
        self.whole = [_interpolation(size, of, x) for size, of in zip(x.shape[2:], cells, strict=True)]
        last = self.whole[-1][: seen.shape[-1]]
        self.last = last.repeat_interleave(ifos, dim=0) if self.repeated else last
        self.buffer = torch.empty((count, *seen.shape[1:]), dtype=x.dtype, device=x.device)

    def __call__(self, sample: Tensor, activation: Tensor) -> Tensor:
        """Return the inputs of some samples, each under the mask of a channel A (pair, *cells)."""
        rows = self._rows(activation)
        mask = (rows @ self.whole[-1].T).flatten(1)
        low, high = mask.amin(-1), mask.amax(-1)
        scale = torch.where(high > low, high - low, 1.0).reciprocal()
        # Interpolation keeps constants: what is interpolated last is scaled, which is less than the pixels.
        low, scale = (one.reshape(-1, *[1] * (rows.ndim - 1)) for one in (low * scale, scale))
        scaled = rows[:, : self.seen.shape[2]] if rows.ndim == 3 else rows
        return self._multiplied(sample, scaled * scale - low)

    def _rows(self, activation: Tensor) -> Tensor:
        """Return A stretched over all axes but the last."""
        if activation.ndim == 2:
            return activation
        (size, cells), pairs = self.whole[0].shape, len(activation)
        # One large product instead of a small one for each pair.
        rows = self.whole[0] @ activation.transpose(0, 1).reshape(cells, -1)
        return rows.view(size, pairs, -1).transpose(0, 1).contiguous()

    def _multiplied(self, sample: Tensor, scaled: Tensor) -> Tensor:
        """Return the samples times their masks, which are yet to be stretched over the last axis."""
        place = self.buffer[: len(sample)]
        if not self.repeated:
            return torch.mul((scaled @ self.last.T)[:, None], self.seen[sample], out=place)
        torch.matmul(scaled, self.last.T, out=place.view(*scaled.shape[:2], -1))
        masked = place.view(len(sample), *self.seen.shape[2:], -1).movedim(-1, 1)
        which, counts = sample.unique_consecutive(return_counts=True)
        for one, part in zip(which.tolist(), masked.split(counts.tolist()), strict=True):
            part.mul_(self.seen[one])
        return masked


def _interpolation(size: int, cells: int, like: Tensor) -> Tensor:
    """Return the matrix (size, cells) that stretches cells over an axis of the input."""
    unit = torch.eye(cells, dtype=like.dtype, device=like.device)
    return resized(unit[None], (size,))[0].T.contiguous()


# ---- what the methods share


@contextlib.contextmanager
def _hooked(model, layer, keep):
    """Give a list to which `keep(output, found)` of the layer's outputs adds, while the hook is there."""
    if model.training:
        raise ValueError("a model in training mode mixes samples and drops cells: call model.eval() first")
    layer, found = model.cam_layer if layer is None else layer, []
    hook = layer.register_forward_hook(lambda module, inputs, output: keep(output, found))
    try:
        yield found
    finally:
        hook.remove()


def _only(found: list) -> Tensor:
    if len(found) != 1:
        raise ValueError(f"the layer ran {len(found)} times in one forward pass; a map needs it once")
    return found[0]


def _columns(target: Tensor) -> Tensor:
    return target.reshape(len(target), -1).long()


def _combined(weights: Tensor, activation: Tensor, target: Tensor) -> Tensor:
    """Return ReLU(sum_k alpha_k A_k), with weights (sample, target, channel), in target's shape."""
    maps = torch.einsum("stk,sk...->st...", weights, activation).relu()
    return maps.reshape(*target.shape, *activation.shape[2:]).contiguous()


def resized(maps: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return maps (sample, channel, *cells) stretched over the input, as the papers do."""
    return nn.functional.interpolate(maps, size=shape, mode=LINEAR[len(shape)], align_corners=False)


def laid_out(x: Tensor) -> Tensor:
    """Return images with their channels last in memory on a CPU, where convolutions are faster so."""
    if x.ndim != 4 or x.device.type != "cpu":
        return x
    if x.shape[1] == 1:  # a single channel lies both ways: torch goes by its stride, which must be said
        return x[:, 0].contiguous()[..., None].movedim(-1, 1)
    return x.contiguous(memory_format=torch.channels_last)


def demand(name: str, value: str, known) -> None:
    """Raise GwsimError if an option has a value that is not known."""
    if value not in known:
        raise GwsimError(f"explain: {name} is '{value}', expected one of {', '.join(known)}")
