"""What a finished store carries beside its shards: coordinates, table columns, attributes, the data card.

Every array has units and a long name; categories are integers with CF flag_values and flag_meanings.
"""

import json

import numpy as np
import pandas as pd

from gwsim import draw, layout, noise, provenance

LICENCE = {"simulated": "CC0-1.0", "files": "the licence of the strain files, see their source"}


def ifo_axis(ifos: list[str]) -> dict:
    """Return the coordinate of the interferometers."""
    return {"ifo": _flags(("ifo",), np.arange(len(ifos), dtype=np.int32), ifos, "interferometer")}


def _flags(dims, values, meanings, long_name) -> dict:
    flags = {"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(meanings)}
    return _array(dims, values, "1", long_name, **flags)


def _array(dims, values, units, long_name, **more) -> dict:
    attributes = {"units": units, "long_name": long_name, **more}
    return {"dims": dims, "values": values, "attributes": attributes}


def noise_arrays(blocks: list[dict], settings: dict) -> dict[str, dict]:
    """Return the coordinates of a noise store."""
    splits = sorted({block["split"] for block in blocks})
    start = np.array([block["start"] for block in blocks], dtype=np.int32)
    duration = np.array([block["end"] - block["start"] for block in blocks], dtype=np.int32)
    split = np.array([splits.index(block["split"]) for block in blocks], dtype=np.int32)
    return {
        **ifo_axis(settings["ifos"]),
        "gps_second": _array(("block",), start, "s", "GPS second of the block's first sample"),
        "duration": _array(("block",), duration, "s", "length of the block"),
        "split": _flags(("block",), split, splits, "split that the block belongs to"),
    }


def dataset_arrays(table: pd.DataFrame, source: noise.NoiseStore, settings: dict, classes: list[str]) -> dict:
    """Return a dataset's coordinates, the columns of its table, and the PSDs and filters it rests on."""
    blocks, index = np.unique(table["psd_block"].to_numpy(), return_inverse=True)
    ifos = settings["ifos"]
    psd = np.stack([source.psd(int(block)) for block in blocks])
    taps = np.stack([source.filter(int(block)) for block in blocks])
    rate = settings["sample_rate"]
    psd_frequency = np.linspace(0.0, rate / 2, psd.shape[-1])
    delay = (np.arange(taps.shape[-1]) - taps.shape[-1] // 2) / rate
    psd_index = np.repeat(index.astype(np.int32)[:, None], len(ifos), axis=1)
    operator = "taps of the whitening operator (high-pass and inverse amplitude spectrum)"
    return {
        **_axes(settings),
        **_columns(table, settings, classes),
        "psd": _array(("block", "ifo", "psd_frequency"), psd, "1e-46/Hz", "one-sided power spectral density"),
        "filter": _array(("block", "ifo", "tap"), taps, "1e23", operator),
        "psd_frequency": _array(("psd_frequency",), psd_frequency, "Hz", "frequency of psd"),
        "tap": _array(("tap",), delay, "s", "delay of the operator's taps"),
        "psd_index": _array(
            ("sample", "ifo"), psd_index, "1", "place in psd and filter of the example's block"
        ),
    }


def _axes(settings: dict) -> dict[str, dict]:
    """Return the coordinates of strain and spectrogram; time zero is the window's first sample."""
    rate, stft = settings["sample_rate"], settings["spectrogram"]
    window, half = round(settings["duration"] * rate), stft["window"] // 2
    time = (np.arange(window + 2 * half) - half) / rate
    frame = np.arange(window // stft["hop"] + 1) * stft["hop"] / rate
    frequency = np.arange(layout.frequency_bins(settings)) * rate / stft["window"]
    origin = "after the window's first sample"
    return {
        **ifo_axis(settings["ifos"]),
        "time": _array(("time",), time, "s", f"time {origin}; what is outside the window is margin"),
        "frame": _array(("frame",), frame, "s", f"centre of the STFT frame {origin}"),
        "frequency": _array(("frequency",), frequency, "Hz", "frequency of the spectrogram"),
    }


def _columns(table: pd.DataFrame, settings: dict, classes: list[str]) -> dict[str, dict]:
    """Return each column of the table as an array of samples."""
    known = draw.COLUMNS | layout.realised_columns(settings["ifos"])
    flags = {"label": classes, "snr_kind": layout.SNR_KINDS}
    arrays = {}
    for name in table.columns:
        _, unit, meaning = known[name]
        values = table[name].to_numpy()
        if name in flags:
            arrays[name] = _flags(("sample",), values, list(flags[name]), meaning)
        else:
            arrays[name] = _array(("sample",), values, unit, meaning)
    return arrays


def plain_attributes(title: str, settings: dict) -> dict:
    """Return the attributes of a store that others rest on: noise, or a bank."""
    return {"title": title, "settings": settings, **made_with()}


def made_with() -> dict:
    """Return the versions and the revision that a store was made with."""
    return {"versions": provenance.versions(), "revision": provenance.revision()}


def attributes(title: str, card: dict) -> dict:
    """Return a dataset's attributes: what it is, how it was made, and from what."""
    return {
        "title": title,
        "conventions": "gwsim-1",
        "source": card["strain"],
        "licence": LICENCE[card["strain"]],
        "seed": card["seed"],
        "classes": card["classes"],
        "configuration": card["configuration"],
        **made_with(),
        **card["provenance"],
    }


def card_text(title: str, table: pd.DataFrame, card: dict) -> str:
    """Return the data card: what the store is, how it was made, how to open it."""
    names = card["classes"]
    counts = "\n".join(
        f"| {i} | {name} | {int((table['label'] == i).sum())} |" for i, name in enumerate(names)
    )
    return f"""# {title}

{len(table)} examples of whitened gravitational-wave strain and its spectrograms, one row per example of the
table. Strain source: {card["strain"]}; licence: {LICENCE[card["strain"]]}.

| label | class | examples |
|---|---|---|
{counts}

Interferometers: {" ".join(card["configuration"]["ifos"])}.

Each example: `strain (ifo, time)`, `spectrogram (ifo, frequency, frame)`, its label, and one value of each
column of the table. Whitened noise has unit variance per sample. `filter` holds the whitening operator of
each PSD block and `psd` its spectrum; `psd_index` says which one an example has. Every array has `units` and
`long_name`.

## Open it

```python
import xarray

data = xarray.open_zarr("data.zarr")
print(data)
print(data["spectrogram"][0].values.shape, int(data["label"][0]))
```

The store is plain Zarr format 3 (sharded, blosc-zstd, crc32c) and opens in any Zarr 3 reader as well.

## How it was made

gwsim {provenance.versions()["gwsim-pipeline"]}, revision {provenance.revision()}, seed {card["seed"]}.
The whole configuration stands in the store's attributes. Waveforms:

```json
{json.dumps(card["configuration"]["experiments"][card["experiment"]]["waveforms"], indent=1)}
```

The word `surrogate` means a phenomenological signal of this package that resembles a published simulation in
spectrum, duration and loudness. It is not that simulation's data.
"""
