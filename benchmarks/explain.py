"""How fast maps are made, beside the bare forward passes they need, captum and torchcam.

    python benchmarks/explain.py [--network ccsn_cnn] [--size 112] [--examples 64] [--repeats 15]

Networks are ccsn_cnn for (3, 94, 33) and ten classes, of 16 channels, and merged_view_cnn for pictures of a
size and 22 classes, of 128 channels, of which Score-CAM passes those that are not dark. It needs one pass
more, up to the layer, to know the masks. Bare passes are of as many masked inputs that are ready in memory,
in the same chunks and the same layout: of whole ones, which a plain Score-CAM passes, and of cropped ones,
the very inputs that ours passes, without the pixels that the network cannot see. The ratio to the first
has what cropping saves in it and may be above 1; that to the second tells what all but the passes costs. All
are timed in turn, many times over, and ratios are medians of the ratios within one turn, since machines
differ and are shared.
"""

import argparse
import json
import time

import numpy as np
import torch

from gwsim import cams, models
from gwsim.cli.memory import keep_freed_memory

# The network: the shape of its inputs at a size, and its classes.
NETWORKS = {"ccsn_cnn": (lambda size: (3, 94, 33), 10), "merged_view_cnn": (lambda size: (1, size, size), 22)}


def masked_inputs(model, x: torch.Tensor) -> torch.Tensor:
    """Return X o H of all examples and of the channels that are not dark, one after the other."""
    with torch.no_grad():
        cells = cams.activations(model, x)
        live = cells.flatten(2).amin(-1) != cells.flatten(2).amax(-1)
        masks = torch.nn.functional.interpolate(cells[live][:, None], size=x.shape[2:], mode="bilinear")
        low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
        return (masks - low) / (high - low) * x[live.nonzero()[:, 0]]


def passes(model, inputs: torch.Tensor, chunk: int):
    """Return a job: forward passes of the inputs in chunks."""

    def job():
        with torch.no_grad():
            for part in inputs.split(chunk):
                model(part)

    return job


def torchcam_job(model, x, target):
    """Return a job: torchcam's Score-CAM of one class; None where it is not installed."""
    try:
        from torchcam.methods import ScoreCAM
    except ImportError:
        return None

    def job():
        with ScoreCAM(model, target_layer=model.cam_layer, batch_size=cams.CHUNK) as extractor:
            with torch.no_grad():
                scores = model(x)
            extractor(target.tolist(), scores)

    return job


def jobs(model, x: torch.Tensor, target: torch.Tensor) -> dict:
    """Return everything that is timed."""
    from captum.attr import LayerGradCam

    last = cams.laid_out(x)
    masked = cams.laid_out(masked_inputs(model, x))
    captum, chunk = LayerGradCam(model, model.cam_layer), cams.fitting_chunk(x)
    cropped = cams.laid_out(masked[cams._seen(model, last)])
    found = {
        "bare masked passes": passes(model, masked, chunk),
        "bare masked passes, cropped": passes(model, cropped, chunk),
        "bare masked passes, contiguous": passes(model, masked.contiguous(), chunk),
        "bare passes of the inputs": passes(model, last, chunk),
        "score_cam, all classes": lambda: cams.score_weights(model, last),
        "grad_cam": lambda: cams.grad_cam(model, last, target),
        "captum grad_cam": lambda: captum.attribute(last, target, relu_attributions=True),
        "captum grad_cam, contiguous": lambda: captum.attribute(x, target, relu_attributions=True),
        "torchcam score_cam, one class": torchcam_job(model, x, target),
    }
    print(f"{len(masked)} masked inputs of {len(x)} examples, {chunk} a pass")
    if found["torchcam score_cam, one class"] is None:
        print("torchcam is not installed: left out")
    return {name: job for name, job in found.items() if job}


def timed(job, device: torch.device) -> float:
    """Return the seconds of a job; on a CPU those that it worked, since others use its cores too."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    start = clock()
    job()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="ccsn_cnn")
    parser.add_argument("--size", type=int, default=112, help="of the pictures of merged_view_cnn")
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    of_size, classes = NETWORKS[args.network]
    shape = of_size(args.size)
    model = models.build(args.network, shape, classes, seed=0).eval().to(device)
    generator = np.random.default_rng(0)
    x = torch.from_numpy(generator.random((args.examples, *shape), dtype=np.float32)).to(device)
    target = torch.arange(args.examples, device=device) % classes
    work = jobs(model, x, target)
    for job in work.values():  # the first time is a library's own
        job()
    seconds = {name: [] for name in work}
    for _ in range(args.repeats):
        for name, job in work.items():
            seconds[name].append(timed(job, device))
    print(json.dumps(report(seconds, args.examples, len(masked_inputs(model, x))), indent=1))


def report(seconds: dict[str, list[float]], examples: int, masked: int) -> dict:
    """Return rates, of examples and of masked inputs, and ratios of rates within one turn."""

    def ratio(one: str, other: str) -> float | None:
        if one not in seconds or other not in seconds:
            return None
        return round(float(np.median(np.array(seconds[other]) / np.array(seconds[one]))), 3)

    def with_masks(bare: str) -> float:
        """Return the ratio to masked passes and the pass of the inputs, which gives the masks."""
        needed = np.array(seconds[bare]) + np.array(seconds["bare passes of the inputs"])
        return round(float(np.median(needed / np.array(seconds[ours]))), 3)

    ours, bare, cropped = "score_cam, all classes", "bare masked passes", "bare masked passes, cropped"
    rates = {name: round(examples / float(np.median(found)), 1) for name, found in seconds.items()}
    return {
        "examples a second of work": rates,
        "masked inputs a second, score_cam and bare": [
            round(masked / float(np.median(seconds[name])), 1) for name in (ours, bare)
        ],
        "score_cam over bare masked passes": ratio(ours, bare),
        "score_cam over those and the pass that gives the masks": with_masks(bare),
        "score_cam over bare masked passes, cropped": ratio(ours, cropped),
        "score_cam over cropped ones and the pass that gives the masks": with_masks(cropped),
        "score_cam over bare masked passes, contiguous": ratio(ours, "bare masked passes, contiguous"),
        "score_cam, all classes, over torchcam's of one class": ratio(ours, "torchcam score_cam, one class"),
        "grad_cam over captum": ratio("grad_cam", "captum grad_cam"),
        "grad_cam over captum, contiguous": ratio("grad_cam", "captum grad_cam, contiguous"),
    }


if __name__ == "__main__":
    main()
