"""How fast strain is read and whitened on one core, and in how much memory, beside PyCBC and GWpy.

    python benchmarks/whiten.py [--seconds 4096] [--repeats 5]

One file in GWOSC's layout, packed as those of its event releases are, of simulated strain of one ifo at
4096 Hz; then, as the stage `noise` does it, PSD block after PSD block of 256 s is read through the file's
record and whitened. The others whiten the same blocks, with a PSD and a filter of the same lengths. Every
number is the median over processes of their own, run in turn: the core's seconds (the file is in the page
cache) without imports, and the peak of memory with them. Read the ratios.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
RATE, IFO, START = 4096, "H1", 1238163456
SETTINGS = {
    "ifos": [IFO],
    "sample_rate": RATE,
    "band": [20, 1600],
    "block": 4096,
    "stretch": 256,
    "stretch_min": 128,
    "kind": "whitened",
    "psd_segment": 4,
    "filter": 2,
}
STRAIN = {
    "psd": "o3",
    "lines": True,
    "drift": 0.03,
    "gaps_per_day": 0,
    "gap_seconds": [1, 2],
    "failed_bits_per_day": 0,
    "failed_bit_seconds": [1, 2],
    "glitches_per_hour": 0,
    "glitch_snr": [8, 50],
}


def ours():
    from gwsim import noise

    return lambda strain: noise.of_block(strain, SETTINGS)


def pycbc():
    from pycbc.types import TimeSeries

    segment, taps = SETTINGS["psd_segment"], SETTINGS["filter"]
    return lambda strain: TimeSeries(strain, delta_t=1 / RATE).whiten(segment, taps, trunc_method="hann")


def gwpy():
    from gwpy.timeseries import TimeSeries

    options = {
        "fftlength": SETTINGS["psd_segment"],
        "overlap": SETTINGS["psd_segment"] / 2,
        "fduration": SETTINGS["filter"],
        "method": "median",
    }
    return lambda strain: TimeSeries(strain, sample_rate=RATE).whiten(**options)


JOBS = {"gwsim": ours, "pycbc": pycbc, "gwpy": gwpy, "reading alone": lambda: lambda strain: None}


def write(folder: Path, seconds: int) -> None:
    """Write the file of strain and its record."""
    import h5py

    from gwsim.strain import gwosc_layout, records, simulated

    path = folder / f"{IFO[0]}-{IFO}_GWSIM_4KHZ_R1-{START}-{seconds}.hdf5"
    stretch = simulated.make(STRAIN, 1, IFO, START, START + seconds, RATE)
    gwosc_layout.write(path, IFO, START, *stretch, RATE, "simulated")
    with h5py.File(path, "r+") as file:
        attributes = dict(file[gwosc_layout.STRAIN].attrs)
        del file[gwosc_layout.STRAIN]
        packed = {"chunks": (2048,), "compression": "gzip", "compression_opts": 1, "fletcher32": True}
        strain = file.create_dataset(gwosc_layout.STRAIN, data=stretch.strain, **packed)
        strain.attrs.update(attributes)
    record = records.make_record(IFO, START, seconds, RATE, "files", [path])
    records.save(record, folder / "record.json")


def work(name: str, record: Path) -> None:
    """Read and whiten a record's strain block by block; print what it took."""
    from gwsim.cli.memory import keep_freed_memory
    from gwsim.strain import records

    keep_freed_memory()
    about, whiten, spent = records.load(record), JOBS[name](), {"reading": 0.0, "whitening": 0.0}
    end, size = about["start"] + about["duration"], SETTINGS["stretch"]
    for start in range(about["start"], end - size + 1, size):
        begun = time.process_time()
        strain = records.read_strain(about, start, start + size)
        read = time.process_time()
        whiten(strain)
        spent["reading"] += read - begun
        spent["whitening"] += time.process_time() - read
    print(json.dumps(spent | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def apart(*words: str) -> str:
    """Run a job in a process of its own, begun by one that stays small: a child's peak holds its parent's."""
    command = [sys.executable, __file__, *words]
    environment = os.environ | ONE_CORE
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def compare(seconds: int, repeats: int) -> None:
    """Measure all jobs in turn and print what they took."""
    with tempfile.TemporaryDirectory() as folder:
        apart("--job", "write", "--folder", folder, "--seconds", str(seconds))
        turns = [
            {name: json.loads(apart("--job", name, "--folder", folder).splitlines()[-1]) for name in JOBS}
            for _ in range(repeats)
        ]
    print(f"{seconds} s of one ifo at {RATE} Hz in blocks of {SETTINGS['stretch']} s")
    for name in JOBS:
        middle = {key: statistics.median(turn[name][key] for turn in turns) for key in turns[0][name]}
        ratio = statistics.median(turn[name]["whitening"] / turn["gwsim"]["whitening"] for turn in turns)
        print(
            f"{name:14s} reading {middle['reading']:6.2f} s, whitening {middle['whitening']:6.2f} s "
            f"({ratio:5.2f} of ours), peak {middle['megabytes']:5.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job == "write":
        write(args.folder, args.seconds)
    elif args.job:
        work(args.job, args.folder / "record.json")
    else:
        compare(args.seconds, args.repeats)


if __name__ == "__main__":
    main()
