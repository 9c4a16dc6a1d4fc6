"""Whether a file is whole, and is the one that was planned.

Takes a path and a row of a plan; gives bytes and sha256. Every chunk of strain and masks is read, for then
alone HDF5 looks at its checksums; where the sha256 is the lock's, which was made from a file that was read,
that is left out.
"""

from pathlib import Path

import h5py

from gwsim.errors import GwsimError
from gwsim.files import fingerprint
from gwsim.strain import gwosc_layout

# Seconds of strain in memory at a time.
PIECE = 256
PROOF = ("bytes", "sha256")
# What comes of metadata that a bad byte changed, beside the errors that the reader knows.
BROKEN = (OSError, ValueError, LookupError, ArithmeticError, TypeError, RuntimeError, MemoryError)


def verify(path: Path, row: dict, sample_rate: int | None = None) -> dict:
    """Return bytes and sha256 of a file that is whole, is the one the row plans and has the lock's bytes.

    Raises GwsimError that says in what it is not.
    """
    try:
        about, proof = gwosc_layout.describe(path), fingerprint(path)
        _compare(path, about, row, sample_rate)
        # Reading takes ten times as long as a sha256, which is proof enough where it is the lock's.
        if "sha256" not in row or not fits(proof, row):
            _read_through(path, about)
    except BROKEN as error:
        raise GwsimError(f"{path}: corrupt ({type(error).__name__}: {error})") from error
    if not fits(proof, row):
        got, want = (f"{each.get('bytes')} bytes, sha256 {each.get('sha256')}" for each in (proof, row))
        raise GwsimError(
            f"{path}: whole, but not what the lock says: {got}, expected {want}. Hint: the site may have "
            "released it again; ask who made the lock, or use a plan without one and make a new lock"
        )
    return proof


def _compare(path, about, row, sample_rate):
    expected = {name: row[name] for name in ("ifo", "start", "duration")}
    expected |= {"sample_rate": sample_rate} if sample_rate else {}
    wrong = [f"{key} {about[key]}, expected {want}" for key, want in expected.items() if about[key] != want]
    if wrong:
        raise GwsimError(f"{path}: another file than the one planned: {'; '.join(wrong)}")


def _read_through(path, about):
    """Read every chunk: their checksums are HDF5's."""
    _refuse_holes(path)
    end = about["start"] + about["duration"]
    for start in range(about["start"], end, PIECE):
        gwosc_layout.read(path, start, min(start + PIECE, end))
    gwosc_layout.masks(path)


def _refuse_holes(path):
    """HDF5's index of chunks has no checksum, and what it does not find it reads as zeros."""
    with h5py.File(path) as file:
        masks = [f"{group}/{mask}" for group, mask, *_ in gwosc_layout.MASKS]
        for name in (gwosc_layout.STRAIN, *masks):
            dataset = file[name]
            if dataset.id.get_type() != h5py.h5t.py_create(dataset.dtype):
                raise GwsimError(f"{path}: corrupt, {name} has numbers of no known type")
            for start in range(0, len(dataset), dataset.chunks[0]) if dataset.chunks else ():
                if not _chunk(dataset, start):
                    raise GwsimError(f"{path}: corrupt, {name} has no whole chunk at its sample {start}")


def _chunk(dataset, start) -> bool:
    """Return whether a chunk is found as reading finds it, and none of its filters is switched off."""
    try:
        return dataset.id.read_direct_chunk((start,))[0] == 0
    except (OSError, RuntimeError):
        return False


def fits(proof: dict, row: dict) -> bool:
    """Return whether a proof agrees with what the row locks, if anything."""
    return all(proof.get(key) == row[key] for key in PROOF if key in row)
