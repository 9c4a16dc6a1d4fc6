"""One example made again from its source: the strain of its PSD block, its system's waveform, its row.

Takes a row of a published table and what the table tells of itself; gives the example's arrays and columns,
as `render` made them. A micro-batch is rendered, as then, of as many rows: the same arithmetic gives the same
bits. But the other rows, whose values do not matter to this one, are copies of it, so that one PSD block and
one waveform are enough.
"""

import io
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from gwsim import draw, files, likeness, noise, publish, store
from gwsim.errors import GwsimError
from gwsim.waveforms import bank as banks
from gwsim.waveforms import columns as of_source
from gwsim.waveforms import sources

# Before the names of columns among those of arrays.
COLUMN = "column "


class Block:
    """The noise of one PSD block, made from its strain, as renderers ask a store of noise for it."""

    def __init__(self, arrays: dict[str, np.ndarray], ifos: list[str]):
        self._arrays, self.ifos = arrays, ifos
        self.taps = arrays["filter"].shape[-1] if "filter" in arrays else 0

    def windows(self, blocks: np.ndarray, first: np.ndarray, size: int) -> np.ndarray:
        """Return (sample, ifo, time) strain from first samples on."""
        return np.stack([self._arrays["strain"][:, start : start + size] for start in first])

    def series(self, block: int, ifo: int, first: int, size: int) -> np.ndarray:
        """Return the strain of an ifo from a sample on."""
        return self._arrays["strain"][ifo, first : first + size]

    def psd(self, block: int) -> np.ndarray:
        """Return the PSD, (ifo, frequency)."""
        return self._arrays["psd"]

    def filter(self, block: int) -> np.ndarray:
        """Return the taps, (ifo, tap)."""
        return self._arrays["filter"]


class _OneSystem:
    """A bank in which every system is the one that it has: see `banks.Bank` for what renderers ask."""

    def __init__(self, bank):
        self._bank = bank
        self.start, self.samples, self.own, self.weights = bank.start, bank.samples, bank.own, bank.weights

    def entries(self, systems: np.ndarray) -> np.ndarray:
        return self._bank.entries(np.zeros(len(systems), int))

    def realised(self, table: pd.DataFrame) -> dict[str, np.ndarray]:
        return self._bank.realised(table.assign(system=0))


class _NoSystem:
    """The bank of an example of noise alone, of which nothing is asked but how long its entries are."""

    start, samples, own = 0.0, 1, False


# ---- the noise


def block_of(row: pd.Series, blocks: list, rate: int) -> tuple[int, int]:
    """Return the GPS seconds in which a row's PSD block begins and ends.

    blocks: [number, GPS second, seconds] of each, as the table tells them.

    Raises GwsimError where they do not fit the row.
    """
    known = {number: (start, start + seconds) for number, start, seconds in blocks}
    block, start = int(row["psd_block"]), int(row["gps_second"]) - int(row["start_sample"]) // rate
    if block not in known or known[block][0] != start:
        there = f"begins at GPS {known[block][0]}" if block in known else "is not among its blocks"
        raise GwsimError(
            f"row {row.name}: by its gps_second and start_sample its PSD block {block} begins at GPS "
            f"{start}, the table tells that it {there}: was the table edited? `gwsim verify` says"
        )
    return known[block]


def strain(settings: dict, ifo: str, start: int, end: int, folder: Path) -> np.ndarray:
    """Return the strain of an ifo in GPS seconds [start, end) from its source.

    folder: that of the receipts of files which were fetched.

    Raises GwsimError where the source has it no more.
    """
    from gwsim.strain import records, simulated
    from gwsim.strain.sources import SOURCES

    source, block, rate = (settings[name] for name in ("source", "block", "sample_rate"))
    if source == "simulated":
        return simulated.make(settings["simulated"], settings["seed"], ifo, start, end, rate).strain
    gps = start // block * block
    try:
        paths = SOURCES[source](settings, settings["seed"], ifo, gps, block, rate, folder)
    except FileNotFoundError as error:
        raise GwsimError(
            f"no receipt {error.filename}: strain of GWOSC is read from files that were fetched. Hint: name "
            "the folder of the run that fetched them (--strain results/strain/RUN), or make it: snakemake "
            f"--cores all {error.filename}"
        ) from error
    return records.read_strain(records.make_record(ifo, gps, block, rate, source, paths), start, end)


def block(settings: dict, start: int, end: int, read) -> Block:
    """Return the noise of a PSD block, whole.

    settings: of the stage `noise`; read: a function (ifo, start, end) -> strain.
    """
    made = [noise.of_block(read(ifo, start, end), settings) for ifo in settings["ifos"]]
    return Block({name: np.stack([one[name] for one in made]) for name in made[0]}, settings["ifos"])


# ---- the signal


def system(row: pd.Series, settings: dict) -> pd.DataFrame:
    """Return the system of a row, drawn again, as a table of one; none for noise and where none are drawn.

    settings: of the stage `draw`.

    Raises GwsimError where the row is not one that the settings draw.
    """
    signals = sources.SOURCES[settings["waveforms"]["source"]]
    if hasattr(signals, "listed"):
        return pd.DataFrame()
    drawn, places, labels = draw.systems(signals, settings)
    wanted = {"label": int(labels[row.name]), "system": int(places[row.name])}
    wrong = [
        f"{name} {int(row[name])}, drawn as {value}" for name, value in wanted.items() if row[name] != value
    ]
    if wrong:
        raise GwsimError(
            f"row {row.name} is not what its dataset's configuration draws: it has {'; '.join(wrong)}. "
            "Was the table edited, or sorted? `gwsim verify` says"
        )
    return drawn.iloc[[wanted["system"]]] if wanted["system"] >= 0 else drawn.iloc[:0]


def bank(system: pd.DataFrame, settings: dict, folder: Path):
    """Return the bank of one system, written into an empty folder; settings: of the stage `waveforms`."""
    if not len(system):
        return _NoSystem()
    signals = sources.SOURCES[settings["source"]]
    rows = signals.rows(system)
    store.create(folder, [signals.layout(1, settings)])
    values, realised = signals.make(rows, settings)
    store.write_shard(folder, 0, (0, 1), {signals.ARRAY: values})
    if realised is not None:
        system = system.assign(**{name: column.to_numpy() for name, column in realised.items()})
    store.write_table(folder / banks.SYSTEMS, system)
    return _OneSystem(signals.Bank(folder / "shards.zarr" / signals.ARRAY))


# ---- the example


def remade(
    table: pd.DataFrame, row: int, settings: dict, noise: Block | None, system: pd.DataFrame, folder: Path
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Return a row's arrays, and what its table says of it beside what was drawn, as a table of one row.

    table: the whole published one, by row number; settings: of all its stages, see `origin.settings`; folder:
    an empty one, to be thrown away.
    """
    kind = settings["render"]["whiten"]
    renderer, system = {"block": _strain, "self": _scan, "none": _picture}[kind](
        settings, noise, system, folder
    )
    first = row // renderer.size * renderer.size
    batch = table.iloc[first : first + renderer.size]
    if kind != "none":  # pictures are made one by one
        batch = copies(batch, row, sharing=kind == "block")
    arrays, columns = renderer.micro_batch(batch)
    place, found = row - first, columns.iloc[[row - first]].set_axis([row])
    told = _told(table.loc[[row]], system, settings["render"]["source"])
    return {name: values[place] for name, values in arrays.items()}, pd.concat([told, found], axis=1)


def _told(one: pd.DataFrame, system: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return what a table of one row says of its system; nothing of systems that are not drawn."""
    if not len(system.columns):
        return pd.DataFrame(index=one.index)
    names = [name.removeprefix("drawn_") for name in of_source.PUBLISHED[source]]
    place = one.assign(system=0 if len(system) else -1)
    return publish.of_systems(place, system.reindex(columns=names), source)


def copies(its: pd.DataFrame, row: int, sharing: bool) -> pd.DataFrame:
    """Return a micro-batch in which every row is the one of some number.

    sharing: rows are signals or noise, and share a system or do not, as in the batch itself, which says how
    they are summed. Where the row itself is noise, all are. Else all have the one system that there is.
    """
    place = its.index.get_loc(row)
    batch = its.iloc[np.full(len(its), place)].copy()
    if its.at[row, "system"] >= 0:
        batch["system"] = its["system"].to_numpy() if sharing else 0
    # Glitches in the noise are made one by one.
    if "glitch" in batch:
        batch["glitch"] = np.where(np.arange(len(its)) == place, batch["glitch"], -1)
    return batch


def _strain(settings, noise, system, folder):
    from gwsim import render

    made = bank(system, settings["waveforms"], folder)
    if len(system):
        system = pd.read_parquet(folder / banks.SYSTEMS)
    return render.Renderer(settings["render"], noise, made), system


def _scan(settings, noise, system, folder):
    from gwsim import scans

    return scans.Renderer(settings["render"], noise, system), system


def _picture(settings, noise, system, folder):
    from gwsim import pictures

    signals = sources.SOURCES[settings["render"]["source"]]
    everyone, _, _ = draw.systems(signals, settings["draw"])
    return pictures.Renderer(settings["render"], everyone), system


# ---- what becomes of it


def coordinates(settings: dict) -> dict[str, np.ndarray]:
    """Return the coordinates of an example's axes; settings: of all its stages."""
    return {name: axis["values"] for name, axis in publish.axes(settings["render"]).items()}


def write(path: Path, arrays: dict, row: pd.Series, columns: pd.DataFrame, told: str) -> None:
    """Write an example's arrays and its row of the table as NumPy's archive or HDF5, by the path's ending.

    columns: what was made again of the row, in its place; told: what the table tells of itself (JSON).
    """
    values, content = {**row.to_dict(), **columns.iloc[0].to_dict()}, io.BytesIO()
    values = {name: value for name, value in values.items() if not isinstance(value, str)}
    if path.suffix == ".npz":
        np.savez(content, **{f"column_{name}": value for name, value in values.items()}, **arrays)
    else:
        with h5py.File(content, "w") as file:
            for name, array in arrays.items():
                file[name] = array
            file.attrs.update(values)
            # Longer than an attribute may be.
            file["attributes"] = told
    files.write_atomic(path, content.getvalue())


def held(
    arrays: dict[str, np.ndarray], columns: pd.DataFrame, row: pd.DataFrame, path: Path
) -> dict[str, likeness.Likeness]:
    """Return how alike each column and array is to the stored one; of columns alone where no store stands.

    row: the one of the table, as a table; path: of the store's data.zarr.
    """
    found = {f"{COLUMN}{name}": one for name, (one, _) in likeness.columns(columns, row).items()}
    number = int(row.index[0])
    for name, values in arrays.items() if path.is_dir() else ():
        stored = store.open_array(path / name)[number : number + 1]
        found[name] = likeness.compared(values[None], stored.read().result(), store.kept_bits(path / name))
    return found
