"""What a finished store carries beside its shards: coordinates, table columns, attributes, the data card.

Every array has units and a long name; categories are integers with CF flag_values and flag_meanings.
"""

import numpy as np
import pandas as pd

from gwsim import (
    coordinates,
    draw,
    geometry,
    layout,
    noise,
    provenance,
    publish_about,
    publish_archives,
    publish_card,
    publish_credits,
    publish_croissant,
    publish_pictures,
    publish_scans,
    stages,
    store,
)
from gwsim.errors import GwsimError
from gwsim.waveforms import columns as of_source

# Sections of render's settings that tell a reader how examples are made of strain, or how large they are.
SEEN = ("spectrogram", "qscan", "picture")


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
            _expect_named(name, values, len(flags[name]))
            arrays[name] = coordinates.flags(("sample",), values, list(flags[name]), meaning)
        else:
            arrays[name] = coordinates.array(("sample",), values, unit, meaning)
    return arrays


def _expect_named(name: str, values: np.ndarray, count: int) -> None:
    """Raise GwsimError where categories have no name; -1 means none, which only a label cannot have."""
    least = 0 if name == "label" else -1
    if wrong := np.flatnonzero((values < least) | (values >= count)).tolist():
        raise GwsimError(
            f"column {name} of the table: got {values[wrong[0]]} in row {wrong[0]} ({len(wrong)} such rows), "
            f"expected {least} to {count - 1}: was the table edited? Draw it again"
        )


def attributes(title: str, card: dict, columns, about: publish_about.About | None = None) -> dict:
    """Return a dataset's attributes: what it is, how it was made, and from what.

    about: what it says of itself besides, where that is known.
    """
    its = {"title": title, "licence": publish_credits.LICENCES[card["strain"]] or publish_about.NOT_GIVEN}
    if about:
        its = {
            "title": about.title,
            "licence": about.licence or publish_about.NOT_GIVEN,
            "citation": "; cite also: ".join([about.citation, *map(publish_credits.told, about.works)]),
            **({"acknowledgement": about.acknowledgement} if about.acknowledgement else {}),
        }
    return {
        **its,
        "experiment": card["experiment"],
        "dataset": card["dataset"],
        "conventions": "gwsim-1",
        "source": card["strain"],
        "seed": card["seed"],
        "classes": card["classes"],
        "coordinates": " ".join(columns),
        **_seen(card["configuration"]),
        "configuration": card["configuration"],
        "versions": provenance.versions(),
        "revision": provenance.revision(),
        **card["provenance"],
    }


def _seen(configuration: dict) -> dict:
    """Return what a reader needs to know of the arrays: nobody has to dig in the configuration for it."""
    (experiment,) = configuration["experiments"].values()
    found = {name: experiment["render"][name] for name in SEEN if name in experiment["render"]}
    if not stages.of_strain(experiment):
        return {"ifos": [], **found}
    found |= {"band": configuration["band"]} if stages.whitened(experiment) else {}
    return {
        "ifos": stages.ifos(configuration, experiment),
        "sample_rate": stages.sample_rate(configuration, experiment),
        "duration": experiment["duration"],
        **found,
    }


def about(title: str, table: pd.DataFrame, card: dict) -> publish_about.About:
    """Return what a dataset says of itself; GPS times of its examples tell whose strain it has."""
    seconds = table["gps_second"].unique() if "gps_second" in table else ()
    return publish_about.of(title, _told(card)[0], card, seconds, len(table))


def beside(title: str, table: pd.DataFrame, card: dict, arrays: dict):
    """Return a function of the finished store's files (name -> {"sha256", "bytes"}): texts put beside it."""
    its = about(title, table, card)

    def texts(entries: dict) -> dict[str, str]:
        return {
            "croissant.json": publish_croissant.text(its, card["classes"], table, arrays, entries),
            "CITATION.cff": publish_archives.cff(its),
            "datacite.json": publish_archives.datacite(its),
            ".zenodo.json": publish_archives.zenodo(its),
        }

    return texts


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


def _told(card: dict) -> tuple[str, str, str]:
    """Return what a data card says of examples: what they are, their arrays, the first one's name."""
    (experiment,) = card["configuration"]["experiments"].values()
    told = {"block": _strain_told, "none": publish_pictures.told}
    return told.get(experiment["whiten"], publish_scans.told)(experiment)


def card_text(title: str, table: pd.DataFrame, card: dict, arrays: dict | None = None) -> str:
    """Return the data card; arrays: all of the store's, from `described`."""
    return publish_card.text(about(title, table, card), table, card, arrays or {}, _told(card))


def described(laid_out: list[store.Array], arrays: dict) -> dict[str, dict]:
    """Return the axes and attributes of all arrays of a store: those in shards, and those written whole."""
    sharded = {one.name: {"dims": one.dims, "attributes": one.attributes} for one in laid_out}
    return sharded | {name: {key: arrays[name][key] for key in ("dims", "attributes")} for name in arrays}
