"""A store as another group might make it: by tensorstore alone, with nothing of gwsim.

Run as a script: FOLDER SEED, and then changes as JSON, which spoil it (see CHANGES of test_foreign.py).
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorstore

RATE, SECONDS, ROWS, IFOS = 512, 1, 24, ["H1", "K1"]
CLASSES = ["quiet", "burst", "chirp"]
TRANSFORM = {"window": 64, "hop": 16, "f_max": 200}
ATTRIBUTES = {
    "classes": CLASSES,
    "ifos": IFOS,
    "sample_rate": RATE,
    "duration": SECONDS,
    "spectrogram": TRANSFORM,
    "made_by": "another group",
}


def examples(seed):
    """Return strain with margins, and labels: bursts and chirps are loud enough for a small network."""
    rng, label = np.random.default_rng(seed), np.arange(ROWS) % 3
    time = (np.arange(SECONDS * RATE + TRANSFORM["window"]) - TRANSFORM["window"] / 2) / RATE
    strain = rng.normal(size=(ROWS, len(IFOS), len(time)))
    burst = np.exp(-(((time - 0.5) / 0.05) ** 2)) * np.sin(2 * np.pi * 120 * time)
    chirp = np.where((time > 0) & (time < 1), np.sin(2 * np.pi * (20 + 50 * time) * time), 0)
    strain[label == 1] += 8 * burst
    strain[label == 2] += 4 * chirp
    return strain.astype(np.float32), label


def write(path, name, values, dims, attributes, chunk, keys=None):
    """Write one array, sharded where it is large; keys: how its chunks' files are named."""
    metadata = {
        "shape": values.shape,
        "data_type": str(values.dtype),
        "dimension_names": dims,
        "attributes": attributes,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "codecs": [{"name": "bytes"}, {"name": "gzip", "configuration": {"level": 1}}],
    }
    if values.ndim > 1:
        inner = [1, *chunk[1:]]
        sharding = {"chunk_shape": inner, "codecs": [{"name": "bytes"}, {"name": "zstd"}]}
        metadata["codecs"] = [{"name": "sharding_indexed", "configuration": sharding}]
    if keys:
        metadata["chunk_key_encoding"] = keys
    where = {"driver": "file", "path": str(path / name)}
    spec = {"driver": "zarr3", "kvstore": where, "metadata": metadata}
    array = tensorstore.open(spec, create=True, delete_existing=True).result()
    array.write(values).result()


def make(path, seed, **changes):
    """Write the store; changes: attributes, dims, dtype, nan (row), label, flags, without, chunk, keys."""
    strain, label = examples(seed)
    strain = strain.astype(changes.get("dtype", "float32"))
    for row in changes.get("nan", ()):
        strain[row, 1, 7] = np.nan
    for row, value in changes.get("label", {}).items():
        label[int(row)] = value
    flags = {"flag_values": [0, 1, 2], "flag_meanings": " ".join(CLASSES), **changes.get("flags", {})}
    dims = changes.get("dims", ["sample", "ifo", "time"])
    if dims == ["sample", "time", "ifo"]:
        strain = np.ascontiguousarray(strain.swapaxes(1, 2))
    path.mkdir(parents=True)
    arrays = {
        "strain": (strain, dims, {"units": "1"}, changes.get("chunk", [10, *strain.shape[1:]])),
        "label": (label.astype(np.int16), ["sample"], flags, [ROWS]),
        "loudness": (np.linspace(1, 2, ROWS)[: changes.get("columns", ROWS)], ["sample"], {}, [7]),
        "time": (np.arange(strain.shape[-1]) / RATE, ["time"], {"units": "s"}, [strain.shape[-1]]),
    }
    for name, (values, dims_, attributes, chunk) in arrays.items():
        if name not in changes.get("without", ()):
            write(path, name, values, dims_, attributes, chunk, changes.get("keys"))
    attributes = {**ATTRIBUTES, **changes.get("attributes", {})}
    attributes = {name: value for name, value in attributes.items() if value is not None}
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (path / "zarr.json").write_text(json.dumps(group))


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), **json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}"))
    assert not any(name.startswith("gwsim") for name in sys.modules)
