"""Reading strain in GWOSC's packing, one file of 1024 s at 4096 Hz, in PSD blocks of 256 s."""

import json
import zlib
from pathlib import Path

import h5py
from measuring import CORE, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, repeated

from gwsim.strain import gwosc_layout, records, simulated
from stages import whiten

SECONDS, BLOCK, RATE, START, IFO = 1024, 256, whiten.RATE, whiten.START, "H1"
STARTS = range(START, START + SECONDS, BLOCK)


def build(folder: Path, times: int) -> Stage:
    write(folder)
    record = json.loads((folder / "record.json").read_text())
    path = record["files"][0]["path"]
    return Stage(
        unit="seconds of strain",
        about=__doc__
        + " The file is in the page cache. Ours holds its sha256 against the record first. PyCBC has no "
        "reader of this layout: its series is filled by h5py.",
        ways=[
            Way("gwsim", OURS, repeated(times, lambda: ours(record))),
            Way("GWpy's TimeSeries.read", PLAIN, lambda: by_gwpy(path)),
            Way("PyCBC's TimeSeries by h5py", PLAIN, lambda: by_pycbc(path)),
            Way("h5py", PLAIN, lambda: sum(len(by_h5py(path, start)) for start in STARTS) / RATE),
        ],
        limit=[
            Part("the file's chunks unpacked, bare", CORE, unpacking(path)),
            Part("strain written once", MEMORY, copied(8 * RATE)),
        ],
    )


def write(folder: Path) -> None:
    """Write a file of strain, packed as those of GWOSC's event releases are, and its record."""
    path = folder / f"H-{IFO}_GWSIM_4KHZ_R1-{START}-{SECONDS}.hdf5"
    stretch = simulated.make(whiten.STRAIN, 1, IFO, START, START + SECONDS, RATE)
    gwosc_layout.write(path, IFO, START, *stretch, RATE, "simulated")
    with h5py.File(path, "r+") as file:
        attributes = dict(file[gwosc_layout.STRAIN].attrs)
        del file[gwosc_layout.STRAIN]
        packed = {"chunks": (2048,), "compression": "gzip", "compression_opts": 1, "fletcher32": True}
        strain = file.create_dataset(gwosc_layout.STRAIN, data=stretch.strain, **packed)
        strain.attrs.update(attributes)
    record = records.make_record(IFO, START, SECONDS, RATE, "files", [path])
    records.save(record, folder / "record.json")


def ours(record: dict) -> int:
    """Read a file block by block, as the stage `noise` does in a process of its own."""
    records._sha256.cache_clear()
    for start in STARTS:
        records.read_strain(record, start, start + BLOCK)
    return SECONDS


def by_gwpy(path: str) -> int:
    from gwpy.timeseries import TimeSeries

    for start in STARTS:
        TimeSeries.read(path, format="hdf5.gwosc", start=start, end=start + BLOCK)
    return SECONDS


def by_pycbc(path: str) -> int:
    from pycbc.types import TimeSeries

    for start in STARTS:
        TimeSeries(by_h5py(path, start), delta_t=1 / RATE, epoch=start)
    return SECONDS


def by_h5py(path: str, start: int):
    import h5py

    with h5py.File(path) as file:
        return file[gwosc_layout.STRAIN][(start - START) * RATE : (start - START + BLOCK) * RATE]


def unpacking(path: str):
    """Return what unpacks the file's chunks, which are in memory."""
    import h5py

    with h5py.File(path) as file:
        strain = file[gwosc_layout.STRAIN].id
        places = [strain.get_chunk_info(i).chunk_offset for i in range(strain.get_num_chunks())]
        chunks = [strain.read_direct_chunk(place)[1] for place in places]
    # What follows the packed bytes is their checksum.
    chunks, size = [chunk[:-4] for chunk in chunks], 8 * 2048

    def work():
        for chunk in chunks:
            zlib.decompress(chunk, bufsize=size)
        return SECONDS

    return work
