"""The data card: what a store is, how it was made, how anybody opens it, whitens as it does, and cites it.

Its code runs as it stands in the folder that holds data.zarr; the tests run it.
"""

import json

import pandas as pd

from gwsim import provenance, publish_credits, stages
from gwsim.publish_about import NOT_GIVEN, About
from gwsim.waveforms import columns as of_source

XARRAY = """### Python: xarray

```python
import xarray

data = xarray.open_zarr("data.zarr")
print(data)
print(data["{first}"][0].values.shape, int(data["label"][0]))
```"""

TENSORSTORE = """### Python: tensorstore, any rows at once

```python
import tensorstore

spec = {{"driver": "zarr3", "kvstore": {{"driver": "file", "path": "data.zarr/{first}"}}}}
examples = tensorstore.open(spec, open=True).result()
print(examples[[3, 1, 2]].read().result().shape)
```"""

GWSIM = """### PyTorch, with gwsim

```python
import gwsim
import torch

examples = gwsim.open("data.zarr")
inputs, labels = next(iter(torch.utils.data.DataLoader(examples, batch_size=4, shuffle=True)))
print(inputs.shape, [examples.classes[label] for label in labels])
```"""

TORCH = """### PyTorch, without gwsim

```python
import tensorstore
import torch


class Examples(torch.utils.data.Dataset):
    def __init__(self, path):
        self.examples, self.labels = self._array(path, "{first}"), self._array(path, "label")

    def _array(self, path, name):
        spec = {{"driver": "zarr3", "kvstore": {{"driver": "file", "path": f"{{path}}/{{name}}"}}}}
        return tensorstore.open(spec, open=True).result()

    def __len__(self):
        return self.labels.shape[0]

    def __getitem__(self, row):
        return self.__getitems__([row])[0]

    def __getitems__(self, rows):  # a whole batch at once is many times as fast as one by one
        inputs = self.examples[rows].read().result()
        labels = self.labels[rows].read().result()
        return [(torch.from_numpy(one), int(label)) for one, label in zip(inputs, labels)]


batches = torch.utils.data.DataLoader(Examples("data.zarr"), batch_size=4, shuffle=True)
inputs, labels = next(iter(batches))
print(inputs.shape, labels)
```"""

JAVASCRIPT = """### JavaScript: zarrita

```js
import * as zarr from "zarrita";
import FileSystemStore from "@zarrita/storage/fs";

// In a browser: new zarr.FetchStore("https://example.org/data.zarr"); it fetches one example's bytes alone.
const root = zarr.root(new FileSystemStore("data.zarr"));
const examples = await zarr.open(root.resolve("{first}"), {{ kind: "array" }});
const first = await zarr.get(examples, [0{rest}]);
console.log(examples.attrs.long_name, first.shape, first.data[0]);
```"""

WHITEN = """## Whiten a signal of your own as it is done here

Noise and signals passed through the same operator, one for each PSD block and interferometer: a filter of
zero phase whose taps are in `filter`. `psd_index` says which block an example has. The taps go with strain
divided by 1e-23. Noise that is whitened so has unit variance per sample.

`time` is counted from the window's first sample, whose GPS time is `gps_second` and `gps_nanosecond` of the
row. At each end half a filter lacks its neighbours: where your signal goes on there, give so much more of it
and cut it off afterwards.

```python
import numpy as np
import scipy.signal
import xarray

data = xarray.open_zarr("data.zarr")
rate = data.attrs["sample_rate"]


def whiten(strain, row, ifo):
    taps = data["filter"][int(data["psd_index"][row, ifo]), ifo].values
    return scipy.signal.oaconvolve(strain / 1e-23, taps, mode="same")


def optimal_snr(strain, row, ifo):
    psd = data["psd"][int(data["psd_index"][row, ifo]), ifo].values * 1e-46
    frequency = np.fft.rfftfreq(len(strain), 1 / rate)
    low, high = data.attrs["band"]
    inside = (frequency >= low) & (frequency <= high)
    density = np.interp(frequency[inside], data["psd_frequency"].values, psd)
    power = np.abs(np.fft.rfft(strain)[inside] / rate) ** 2
    return np.sqrt(4 * np.sum(power / density) * rate / len(strain))


# A burst at 200 Hz in the middle of the window, as the detector `ifo` sees it.
row, ifo, t = 0, 0, data["time"].values
strain = 1e-21 * np.exp(-((t - t.mean()) ** 2) / (2 * 0.01**2)) * np.sin(2 * np.pi * 200 * (t - t.mean()))
mixed = data["strain"][row, ifo].values + whiten(strain, row, ifo)
print(mixed.shape, optimal_snr(strain, row, ifo))
```"""

SPECTROGRAM = """Spectrograms follow from strain, margin and all:

```python
import numpy as np
import scipy.signal
import xarray

data = xarray.open_zarr("data.zarr")
size, hop = (data.attrs["spectrogram"][name] for name in ("window", "hop"))
bins = int(data.attrs["spectrogram"]["f_max"] * size / data.attrs["sample_rate"]) + 1
taper = scipy.signal.windows.hann(size, sym=False)
frames = np.lib.stride_tricks.sliding_window_view(data["strain"][0].values, size, axis=-1)[..., ::hop, :]
spectrogram = np.abs(np.fft.rfft(frames * taper / np.sqrt(np.sum(taper**2))))[..., :bins].swapaxes(-1, -2)
print(spectrogram.shape)
```"""

OPEN = """The store is plain Zarr format 3 (sharded, blosc-zstd, crc32c) and opens in any reader of it. The
code below runs in the folder that holds `data.zarr`."""


AGAIN = """

`gwsim render --row 0 FOLDER` makes one example again from its source and holds it against the stored one,
`gwsim rebuild FOLDER` all of them; FOLDER is the one that holds `data.zarr`."""
# Examples that were read and not made.
READ = ("given", "stored")


def text(about: About, table: pd.DataFrame, card: dict, arrays: dict, told: tuple[str, str, str]) -> str:
    """Return the card.

    arrays: name -> {"dims", "attributes"} of all of the store's; told: what examples are, their arrays in
    words, and the first one's name.
    """
    (experiment,) = card["configuration"]["experiments"].values()
    parts = [
        f"# {about.title}",
        about.description,
        f"Strain source: {card['strain']}; licence: {about.licence or NOT_GIVEN}.",
        _classes(table, card["classes"]),
        f"Interferometers: {' '.join(stages.ifos(card['configuration'], experiment)) or 'none'}.",
        _arrays(table, arrays, told),
        _opening(arrays, told[2]),
        _making(card, experiment),
        _citing(about),
    ]
    return "\n\n".join(parts) + "\n"


def _classes(table: pd.DataFrame, names: list[str]) -> str:
    counts = [f"| {i} | {name} | {int((table['label'] == i).sum())} |" for i, name in enumerate(names)]
    return "\n".join(["| label | class | examples |", "|---|---|---|", *counts])


def _arrays(table: pd.DataFrame, arrays: dict, told: tuple[str, str, str]) -> str:
    """Return what stands in the store: arrays with their axes first, then columns."""
    head = [
        "## What is in it",
        f"Each example: {told[1]}; its label, and one value of each column of the table. Every array has "
        "`units` and `long_name`.",
    ]
    own = {name: array for name, array in arrays.items() if name not in table}
    rows = [
        f"| `{name}` | {', '.join(array['dims'])} | {_unit(array)} | {array['attributes']['long_name']} |"
        for name, array in own.items()
    ]
    columns = [
        f"| `{name}` | {_unit(arrays[name])} | {arrays[name]['attributes']['long_name']} |"
        for name in table
        if name in arrays
    ]
    beside = [f"`{name}`" for name in table if name not in arrays]
    end = f"The table has {', '.join(beside)} besides." if beside else "`table.parquet` has the same columns."
    return "\n\n".join(
        [
            *head,
            "\n".join(["| array | axes | unit | meaning |", "|---|---|---|---|", *rows]),
            "Columns, one value for each example:",
            "\n".join(["| column | unit | meaning |", "|---|---|---|", *columns]),
            end,
        ]
    )


def _unit(array: dict) -> str:
    return array["attributes"]["units"]


def _opening(arrays: dict, first: str) -> str:
    """Return how it is opened and, where there is a filter, how a signal is whitened as here."""
    rest = ", null" * (len(arrays[first]["dims"]) - 1) if first in arrays else ""
    parts = [part.format(first=first, rest=rest) for part in (XARRAY, TENSORSTORE, TORCH, JAVASCRIPT)]
    parts.insert(2, GWSIM)
    if "filter" in arrays:
        parts += [WHITEN, SPECTROGRAM]
    return "\n\n".join(["## Open it", OPEN, *parts])


def _making(card: dict, experiment: dict) -> str:
    return f"""## How it was made

gwsim {provenance.versions()["gwsim-pipeline"]}, revision {provenance.revision()}, seed {card["seed"]}.
The whole configuration stands in the store's attributes. Waveforms:

```json
{json.dumps(experiment["waveforms"], indent=1)}
```

{of_source.CARD[card["source"]]}{AGAIN if experiment["whiten"] not in READ else ""}"""


def _citing(about: About) -> str:
    """Return how to cite it and what it rests on, and the words of thanks that are asked for."""
    names = "; ".join(author.name for author in about.authors) or NOT_GIVEN
    parts = ["## How to cite", f"Authors: {names}. DOI: {about.doi or NOT_GIVEN}.", f"> {about.citation}"]
    if about.works:
        parts += ["Cite what it rests on, too:"]
        parts += ["\n".join(f"- {publish_credits.told(work)}" for work in about.works)]
    if about.acknowledgement:
        parts += ["The source of its strain asks for these words:", f"> {about.acknowledgement}"]
    parts += [
        "`CITATION.cff`, `croissant.json`, `datacite.json` and `.zenodo.json` beside the store say this to "
        "programs; `manifest.json` has the sha256 of every file."
    ]
    return "\n\n".join(parts)
