"""The stage `onnx`: a trained network for programs without torch."""

from pathlib import Path

SUMMARY = "write a trained network as ONNX, checked against torch"


def arguments(parser):
    parser.add_argument("model", type=Path, help="network (safetensors)")
    parser.add_argument("output", type=Path, help="file to write (ONNX)")


def run(args):
    import json

    import torch

    from gwsim import checkpoint, files, onnx_export

    torch.set_num_threads(1)
    model, description = checkpoint.load(args.model)
    shape = tuple(description["shape"])
    names = ("classes", "ifos", "sample_rate", "array", "scale", "rate")
    kept = {name: json.dumps(description[name]) for name in names if description.get(name) is not None}
    content = onnx_export.onnx(model, shape, kept)
    apart = onnx_export.farthest(content, model, shape)
    files.write_atomic(args.output, content)
    print(f"{args.output}: {len(content)} bytes, logits within {apart:.1e} of torch's, over the largest")
