"""What a finished store carries beside its shards: coordinates, table columns, attributes, the data card.

Every array has units and a long name; categories are integers with CF flag_values and flag_meanings.
"""

import json

import numpy as np
import pandas as pd

from gwsim import (
    coordinates,
    draw,
    geometry,
    layout,
    noise,
    provenance,
    publish_pictures,
    publish_scans,
    stages,
)
from gwsim.waveforms import columns as of_source

CITATION = {
    "toys": "drawn by gwsim-pipeline; no data of a detector, no DOI",
    "simulated": "simulated with gwsim-pipeline; no data of a detector, no DOI",
    "files": "see the source of the strain files; data of GWOSC ask to cite the run's data paper and DOI",
    "pictures": "Gravity Spy's training set (Zenodo 1476551); Zevin et al., CQG 34, 064003 (2017)",
    "gwosc": "data of the Gravitational Wave Open Science Center (gwosc.org), which asks to be acknowledged; "
    "cite SoftwareX 13, 100658 (2021) for O1 and O2, ApJS 267, 29 (2023) for O3, and the DOI of the run",
}
LICENCE = {
    "toys": "CC0-1.0",
    "simulated": "CC0-1.0",
    "files": "the licence of the strain files, see their source",
    "pictures": "CC-BY-4.0 (Gravity Spy's training set)",
    "gwosc": "CC-BY-4.0",
}


def dataset_arrays(
    table: pd.DataFrame, source: noise.NoiseStore | None, settings: dict, classes: list[str]
) -> dict:
    """Return a dataset's coordinates, the columns of its table, and the PSDs and filters it rests on.

    source: the store of its noise, which toy pictures have not.
    """
    if source is None:
        return axes(settings) | _columns(table, settings, classes)
    blocks, index = np.unique(table["psd_block"].to_numpy(), return_inverse=True)
    ifos = settings["ifos"]
    places = [source.ifos.index(ifo) for ifo in ifos]
    psd = np.stack([source.psd(int(block))[places] for block in blocks])
    psd_frequency = np.linspace(0.0, settings["sample_rate"] / 2, psd.shape[-1])
    psd_index = np.repeat(index.astype(np.int32)[:, None], len(ifos), axis=1)
    return {
        **coordinates.ifo_axis(ifos),
        **axes(settings),
        **_columns(table, settings, classes),
        "psd": coordinates.array(
            ("block", "ifo", "psd_frequency"), psd, "1e-46/Hz", "one-sided power spectral density"
        ),
        **(_filters(source, blocks, settings["sample_rate"]) if source.taps else {}),
        "psd_frequency": coordinates.array(("psd_frequency",), psd_frequency, "Hz", "frequency of psd"),
        "psd_index": coordinates.array(
            ("sample", "ifo"), psd_index, "1", "place in psd and filter of the example's block"
        ),
        **_blocks(source, blocks),
    }


def axes(settings: dict) -> dict[str, dict]:
    """Return the coordinates of a dataset's examples, by its render settings."""
    kinds = {"block": _axes, "self": publish_scans.axes, "none": publish_pictures.axes}
    return kinds[settings["whiten"]](settings)


def _blocks(source: noise.NoiseStore, blocks: np.ndarray) -> dict[str, dict]:
    """Return which PSD blocks these are: their numbers, and where their strain lies."""
    start, seconds = (values[blocks] for values in source.spans)
    number = "PSD block, its place in the segments' list of blocks, as psd_block has it"
    return {
        "block_number": coordinates.array(("block",), blocks.astype(np.int32), "1", number),
        "block_gps_second": coordinates.array(
            ("block",), start, "s", "GPS second of the PSD block's first sample"
        ),
        "block_seconds": coordinates.array(("block",), seconds, "s", "length of the PSD block"),
    }


def of_table(attributes: dict, arrays: dict) -> dict:
    """Return what the published table tells of itself: the store's attributes, and its PSD blocks.

    blocks: [number, GPS second, seconds] of each, so that an example can be made again from the table alone.
    """
    names = ("block_number", "block_gps_second", "block_seconds")
    values = [np.asarray(arrays[name]["values"]).tolist() for name in names if name in arrays]
    return {**attributes, "blocks": [list(one) for one in zip(*values, strict=True)]}


def _filters(source: noise.NoiseStore, blocks: np.ndarray, rate: int) -> dict[str, dict]:
    """Return the whitening operators of some blocks, and the delays of their taps."""
    taps = np.stack([source.filter(int(block)) for block in blocks])
    delay = (np.arange(taps.shape[-1]) - taps.shape[-1] // 2) / rate
    operator = "taps of the whitening operator (high-pass and inverse amplitude spectrum)"
    return {
        "filter": coordinates.array(("block", "ifo", "tap"), taps, "1e23", operator),
        "tap": coordinates.array(("tap",), delay, "s", "delay of the operator's taps"),
    }


def _axes(settings: dict) -> dict[str, dict]:
    """Return the coordinates of strain, and of spectrograms that are stored, by the window's first sample."""
    rate, stft = settings["sample_rate"], settings["spectrogram"]
    window, half = round(settings["duration"] * rate), stft["window"] // 2
    time = (np.arange(window + 2 * half) - half) / rate
    frame = np.arange(window // stft["hop"] + 1) * stft["hop"] / rate
    frequency = np.arange(geometry.frequency_bins(settings)) * rate / stft["window"]
    origin = "after the window's first sample"
    axes = {
        "time": coordinates.array(
            ("time",), time, "s", f"time {origin}; what is outside the window is margin"
        )
    }
    if not stft["stored"]:
        return axes
    return axes | {
        "frame": coordinates.array(("frame",), frame, "s", f"centre of the STFT frame {origin}"),
        "frequency": coordinates.array(("frequency",), frequency, "Hz", "frequency of the spectrogram"),
    }


def of_systems(table: pd.DataFrame, systems: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return what each row says of its system as it was realised; NaN, or -1, where it has none."""
    place, found = table["system"].to_numpy(), {}
    for name, (kind, _, _) in of_source.PUBLISHED[source].items():
        missing = np.nan if kind.startswith("float") else -1
        # System -1 is the last one.
        found[name] = np.append(systems[name.removeprefix("drawn_")].to_numpy(), missing)[place].astype(kind)
    return pd.DataFrame(found, index=table.index)


def _columns(table: pd.DataFrame, settings: dict, classes: list[str]) -> dict[str, dict]:
    """Return each column of the table as an array of samples."""
    source = settings["source"]
    known = draw.columns(source) | of_source.PUBLISHED[source] | of_source.GLITCHED
    known |= layout.realised_columns(settings)
    flags = {"label": classes, "snr_kind": layout.SNR_KINDS, "glitch": of_source.GLITCHES}
    flags |= {name: settings.get("ifos") for name in ("scan_ifo", "glitch_ifo")}
    return as_arrays(table, known, flags)


def as_arrays(table: pd.DataFrame, known: dict[str, tuple], flags: dict) -> dict[str, dict]:
    """Return columns as arrays of samples; known: name -> (dtype, unit, meaning), flags: name -> meanings."""
    arrays = {}
    for name in table.columns:
        _, unit, meaning = known[name]
        values = table[name].to_numpy()
        if name in flags:
            arrays[name] = coordinates.flags(("sample",), values, list(flags[name]), meaning)
        else:
            arrays[name] = coordinates.array(("sample",), values, unit, meaning)
    return arrays


def attributes(title: str, card: dict, columns) -> dict:
    """Return a dataset's attributes: what it is, how it was made, and from what."""
    return {
        "title": title,
        "experiment": card["experiment"],
        "dataset": card["dataset"],
        "conventions": "gwsim-1",
        "source": card["strain"],
        "licence": LICENCE[card["strain"]],
        "seed": card["seed"],
        "citation": CITATION[card["strain"]],
        "classes": card["classes"],
        "coordinates": " ".join(columns),
        "configuration": card["configuration"],
        "versions": provenance.versions(),
        "revision": provenance.revision(),
        **card["provenance"],
    }


def _strain_told(experiment: dict) -> tuple[str, str, str]:
    """Return what a data card says of strain: what examples are, their arrays, the first one's name."""
    arrays = "`strain (ifo, time)`"
    if experiment["render"]["spectrogram"]["stored"]:
        arrays += ", `spectrogram (ifo, frequency, frame)`"
    arrays += (
        ". Whitened noise has unit variance per sample; `filter` holds the whitening operator of each PSD "
        "block and `psd` its spectrum, `psd_index` says which one an example has"
    )
    return "whitened gravitational-wave strain", arrays, "strain"


def card_text(title: str, table: pd.DataFrame, card: dict) -> str:
    """Return the data card: what the store is, how it was made, how to open it."""
    names = card["classes"]
    counts = "\n".join(
        f"| {i} | {name} | {int((table['label'] == i).sum())} |" for i, name in enumerate(names)
    )
    (experiment,) = card["configuration"]["experiments"].values()
    told = {"block": _strain_told, "none": publish_pictures.told}.get(
        experiment["whiten"], publish_scans.told
    )
    what, arrays, first = told(experiment)
    ifos = " ".join(stages.ifos(card["configuration"], experiment))
    return f"""# {title}

{len(table)} examples of {what}, one row per example of the table.
Strain source: {card["strain"]}; licence: {LICENCE[card["strain"]]}.

| label | class | examples |
|---|---|---|
{counts}

Interferometers: {ifos or "none"}.

Each example: {arrays}; its label, and one value of each column of the table. Every array has `units` and
`long_name`.

## Open it

```python
import xarray

data = xarray.open_zarr("data.zarr")
print(data)
print(data["{first}"][0].values.shape, int(data["label"][0]))
```

The store is plain Zarr format 3 (sharded, blosc-zstd, crc32c) and opens in any Zarr 3 reader as well.

## How it was made

gwsim {provenance.versions()["gwsim-pipeline"]}, revision {provenance.revision()}, seed {card["seed"]}.
The whole configuration stands in the store's attributes. Waveforms:

```json
{json.dumps(experiment["waveforms"], indent=1)}
```

{of_source.CARD[card["source"]]}
"""
