"""Strain files as GWOSC packs them, of white noise, written by h5py alone."""

from pathlib import Path

import h5py
import numpy as np
from gwosc_api import utc

MASKS = {
    "simple": ("DQmask", "DQ", "DATA CBC_CAT1 CBC_CAT2 CBC_CAT3 BURST_CAT1 BURST_CAT2 BURST_CAT3"),
    "injections": (
        "Injmask",
        "Inj",
        "NO_CBC_HW_INJ NO_BURST_HW_INJ NO_DETCHAR_HW_INJ NO_CW_HW_INJ NO_STOCH_HW_INJ",
    ),
}


def write_strain(
    folder, ifo, start, duration, rate=4096, run="O3a", seed=0, gaps=(), dq=None, injections=None
):
    """Write white noise, NaN and without DATA in the gaps [a, b), and return the path of the file.

    `dq` and `injections` are masks, one integer a second. Unless given, all bits are set but NO_CW_HW_INJ,
    as in O3.
    """
    kind = f"{rate / 1024:g}KHZ_R1"
    path = Path(folder) / f"{ifo[0]}-{ifo}_GWOSC_{run}_{kind}-{start}-{duration}.hdf5"
    strain = 1e-21 * np.random.default_rng([seed, start, ord(ifo[0])]).standard_normal(duration * rate)
    second = np.arange(start, start + duration)
    gap = np.any([(a <= second) & (second < b) for a, b in gaps], axis=0) & np.ones(duration, bool)
    strain.reshape(duration, rate)[gap] = np.nan
    masks = {
        "simple": np.where(gap, 0, 127) if dq is None else dq,
        "injections": np.full(duration, 23) if injections is None else injections,
    }
    packed = {"compression": "gzip", "compression_opts": 1, "fletcher32": True}
    with h5py.File(path, "w") as file:
        axis = {"Xlabel": "GPS time", "Xstart": start, "Xunits": "second"}
        samples = file.create_dataset("strain/Strain", data=strain, **packed)
        samples.attrs.update(
            axis | {"Npoints": len(strain), "Xspacing": 1 / rate, "Ylabel": "Strain", "Yunits": ""}
        )
        file["strain/GWOSCmeta"] = f"GWOSC-{kind}_STRAIN"
        file.create_group("quality/detail")
        for place, (mask, short, names) in MASKS.items():
            group = file.create_group(f"quality/{place}")
            values = group.create_dataset(mask, data=np.asarray(masks[place], np.uint32), **packed)
            bits = names.split()
            values.attrs.update(
                axis | {"Npoints": duration, "Xspacing": 1.0, "Ylabel": mask, "Bits": len(bits)}
            )
            group[f"{short}Shortnames"] = np.array(bits, "S")
            group[f"{short}Descriptions"] = np.array(bits, "S")
            group["GWOSCmeta"] = f"GWOSC-{kind}_{mask.upper()}"
        meta = {
            "Description": "Strain data time series",
            "Detector": ifo,
            "Duration": duration,
            "FrameType": f"{ifo}_GWOSC_{run}_{kind}",
            "GPSstart": start,
            "Observatory": ifo[0],
            "StrainChannel": f"{ifo}:GWOSC-{kind}_STRAIN",
            "Type": "StrainTimeSeries",
            "UTCstart": utc(start),
        }
        for name, value in meta.items():
            file[f"meta/{name}"] = value
    return path
