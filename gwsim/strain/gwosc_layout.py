"""Files in the HDF5 layout of the Gravitational Wave Open Science Center (GWOSC), written and read.

Takes the strain of one ifo, NaN where there are no data, and its two masks of one integer per second; gives
them back by slices. A file appears under its name only when whole, and the same content is the same bytes.
A reader of strain files is a module with `describe`, `masks` and `read`; this is one, `readers` lists them.
"""

from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from gwsim import files
from gwsim.errors import GwsimError
from gwsim.shapes import Series

# The bits of the two masks, in order, with what the file says of each.
DQ_BITS = {
    "DATA": "data present",
    "CBC_CAT1": "passes cbc CAT1 test",
    "CBC_CAT2": "passes cbc CAT2 test",
    "CBC_CAT3": "passes cbc CAT3 test",
    "BURST_CAT1": "passes burst CAT1 test",
    "BURST_CAT2": "passes burst CAT2 test",
    "BURST_CAT3": "passes burst CAT3 test",
}
INJECTION_BITS = {
    "NO_CBC_HW_INJ": "no cbc injection",
    "NO_BURST_HW_INJ": "no burst injections",
    "NO_DETCHAR_HW_INJ": "no detchar injections",
    "NO_CW_HW_INJ": "no continuous wave injections",
    "NO_STOCH_HW_INJ": "no stoch injections",
}
STRAIN = "strain/Strain"
# group, mask, names of its bits, their descriptions, the bits
MASKS = (
    ("quality/simple", "DQmask", "DQShortnames", "DQDescriptions", DQ_BITS),
    ("quality/injections", "Injmask", "InjShortnames", "InjDescriptions", INJECTION_BITS),
)


def write(
    path: str | Path,
    ifo: str,
    start: int,
    strain: Series,
    dq: np.ndarray,
    injections: np.ndarray,
    sample_rate: int,
    description: str,
):
    """Write the strain and masks of whole seconds from `start` under `path`, replacing what stands there."""
    frame = f"GWSIM-{rate_name(sample_rate)}_R1"
    # In memory first: HDF5 that finds the disk full as it closes a file takes the process with it.
    with h5py.File("strain", "w", driver="core", backing_store=False) as file:
        _write_strain(file, start, strain, sample_rate, frame)
        for masks, values, suffix in zip(MASKS, (dq, injections), ("DQMASK", "INJMASK"), strict=True):
            _write_mask(file, start, values, f"{frame}_{suffix}", *masks)
        file.create_group("quality/detail")
        _write_meta(file, ifo, start, len(dq), frame, description)
        file.flush()
        content = file.id.get_file_image()
    files.write_atomic(Path(path), content)


def describe(path: str | Path, ifo: str | None = None) -> dict:
    """Return the file's ifo, start, duration and sample_rate; it holds one ifo, whichever is asked for.

    Raises GwsimError for what is no whole file in this layout, and for parts that contradict each other.
    """
    with opened(path) as file:
        strain = file[STRAIN]
        ifo = text(file["meta/Detector"][()])
        start, duration = int(file["meta/GPSstart"][()]), int(file["meta/Duration"][()])
        rate = round(1 / float(strain.attrs["Xspacing"]))
        sizes = {STRAIN: (len(strain), duration * rate)}
        for group, mask, *_ in MASKS:
            sizes[f"{group}/{mask}"] = (len(file[group][mask]), duration)
        first = int(strain.attrs["Xstart"])
    wrong = [f"{name}: {got} samples, expected {want}" for name, (got, want) in sizes.items() if got != want]
    if first != start:
        wrong.append(f"{STRAIN} starts at {first}, expected {start}")
    if wrong:
        raise GwsimError(f"{path}: {'; '.join(wrong)} (meta: {duration} s from {start}, {rate} Hz)")
    return {"ifo": ifo, "start": start, "duration": duration, "sample_rate": rate}


def masks(path: str | Path, ifo: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the data-quality and injection masks, uint32, one value per second of the file.

    Their bits stand in the order of DQ_BITS and INJECTION_BITS, whatever the order in the file.
    """
    with opened(path) as file:
        return tuple(_ordered(path, file[group], mask, names, bits) for group, mask, names, _, bits in MASKS)


def read(path: str | Path, start: int, end: int, ifo: str | None = None) -> Series:
    """Return the strain of the seconds [start, end), float64."""
    with opened(path) as file:
        strain = file[STRAIN]
        first, rate = int(strain.attrs["Xstart"]), round(1 / float(strain.attrs["Xspacing"]))
        if start < first or (end - first) * rate > len(strain):
            raise GwsimError(f"{path}: no strain of [{start}, {end}), it starts at {first}")
        return strain[(start - first) * rate : (end - first) * rate].astype(np.float64, copy=False)


def is_one(file: h5py.File) -> bool:
    """Tell by its groups whether a file is meant to be in this layout, be it whole or not."""
    groups = (STRAIN, "meta", "quality")
    return any(isinstance(file.get(name), h5py.Dataset | h5py.Group) for name in groups)


def rate_name(sample_rate: int) -> str:
    """Return GWOSC's word for a sample rate in Hz: 4KHZ for 4096."""
    return f"{sample_rate / 1024:g}KHZ"


@contextmanager
def opened(path: str | Path, layout: str = "the GWOSC layout"):
    """Open an HDF5 file to read it; what fails inside is said to be not in the layout.

    Raises GwsimError for what is no whole HDF5 file.
    """
    path = Path(path)
    if not path.is_file():
        raise GwsimError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}, expected an HDF5 file")
    if path.stat().st_size == 0:
        raise GwsimError(f"{path}: an empty file, expected an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        raise GwsimError(f"{path}: corrupt, truncated or no HDF5 file ({error})") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise GwsimError(f"{path}: not in {layout}, or corrupt ({error})") from error


def text(value) -> str:
    """Return text that HDF5 gives as bytes or as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _ordered(path, group, mask, names, bits) -> np.ndarray:
    values, present = group[mask][:], [text(name) for name in group[names][:]]
    missing = [bit for bit in bits if bit not in present]
    if missing:
        raise GwsimError(f"{path}: no bit {', '.join(missing)} in {group.name}/{names}, it has {present}")
    # Whole columns of bits move, so that a file with another order or further bits reads the same.
    ordered = np.zeros(len(values), np.uint32)
    for bit, name in enumerate(bits):
        ordered |= (values.astype(np.uint32) >> np.uint32(present.index(name)) & 1) << np.uint32(bit)
    return ordered


def _write_strain(file, start, strain, rate, frame):
    dataset = file.create_dataset(STRAIN, data=strain.astype(np.float64), track_times=False)
    dataset.attrs.update(_axis(start, len(strain), 1 / rate, "Strain") | {"Yunits": ""})
    file["strain"].create_dataset("GWOSCmeta", data=np.bytes_(f"{frame}_STRAIN"), track_times=False)


def _write_mask(file, start, values, channel, group, mask, names, descriptions, bits):
    group = file.create_group(group)
    dataset = group.create_dataset(mask, data=values.astype(np.uint32), track_times=False)
    text = f"One integer a second: bit k is set where entry k of {names} holds"
    dataset.attrs.update(_axis(start, len(values), 1.0, mask) | {"Bits": len(bits), "Description": text})
    group.create_dataset(names, data=np.array(list(bits), "S"), track_times=False)
    group.create_dataset(descriptions, data=np.array(list(bits.values()), "S"), track_times=False)
    group.create_dataset("GWOSCmeta", data=np.bytes_(channel), track_times=False)


def _axis(start, length, spacing, label) -> dict:
    return {
        "Npoints": length,
        "Xlabel": "GPS time",
        "Xspacing": spacing,
        "Xstart": start,
        "Xunits": "second",
        "Ylabel": label,
    }


def _write_meta(file, ifo, start, duration, frame, description):
    import lal

    utc = "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}".format(*lal.GPSToUTC(start)[:6])
    meta = {
        "Description": description,
        "DescriptionURL": "",
        "Detector": ifo,
        "FrameType": f"{ifo}_{frame.replace('-', '_')}",
        "Observatory": ifo[0],
        "StrainChannel": f"{ifo}:{frame}_STRAIN",
        "Type": "StrainTimeSeries",
        "UTCstart": utc,
    }
    group = file.create_group("meta")
    for name, text in meta.items():
        group.create_dataset(name, data=np.bytes_(text), track_times=False)
    group.create_dataset("Duration", data=duration, track_times=False)
    group.create_dataset("GPSstart", data=start, track_times=False)
