"""Small arrays that a store is described by: each with its dimensions, unit and meaning."""

import numpy as np


def ifo_axis(ifos: list[str]) -> dict:
    """Return the coordinate of the interferometers."""
    return {"ifo": flags(("ifo",), np.arange(len(ifos), dtype=np.int32), ifos, "interferometer")}


def flags(dims, values, meanings, long_name) -> dict:
    """Return an array of categories, as CF has them."""
    attributes = {"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(meanings)}
    return array(dims, values, "1", long_name, **attributes)


def array(dims, values, units, long_name, **more) -> dict:
    """Return an array with its dimensions, unit and meaning."""
    attributes = {"units": units, "long_name": long_name, **more}
    return {"dims": dims, "values": values, "attributes": attributes}
