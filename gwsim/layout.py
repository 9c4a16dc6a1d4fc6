"""What a dataset's store holds: its arrays, and the columns that rendering adds to the table.

field | dims | unit | dtype | meaning
strain | sample, ifo, time | 1 | float32 | whitened noise and signal, with half an STFT window at each side
spectrogram | sample, ifo, frequency, frame | 1 | float32 | magnitude of strain's STFT, of mean square one

A store may leave the spectrogram out: it follows from strain. Stores of Q-scans and of toy pictures have
neither, but one of

qscan | sample, duration, frequency, time | 1 | uint8 | ten times the energy of tiles, cut at 25.5
picture | sample, row, column | 1 | float32 | signal and white noise, low frequencies first
"""

import math

from gwsim import geometry, store
from gwsim.conventions import SCAN_DURATIONS
from gwsim.waveforms import columns as of_source

# Compressed as one block, a larger chunk is as small and takes half the time to write and to read.
LARGE = 2**16

SNR_KINDS = ("optimal", "peak_tile")

REALISED = {
    "snr": ("float64", "1", "optimal network SNR of the signal cut to the window, with its block's PSD"),
    "snr_full": ("float64", "1", "the same of the whole signal, not cut"),
    "snr_whitened": ("float64", "1", "root of the sum of squares of the whitened signal in the window"),
    "snr_kind": ("int32", "1", "how snr is defined"),
    "distance_kpc": ("float64", "kpc", "distance at which the signal was put"),
}
REALISED_PER_IFO = {
    "snr_{ifo}": ("float64", "1", "optimal SNR in {ifo}"),
    "arrival_{ifo}": ("float64", "s", "arrival of bounce or merger at {ifo} after the window's first sample"),
}


REALISED_SCAN = {
    "snr": ("float64", "1", "SNR of the loudest tile of the glitch alone, NaN where there is none"),
    "snr_kind": ("int32", "1", "how snr is defined"),
    "peak_frequency": ("float64", "Hz", "frequency of the loudest tile of the glitch alone"),
    "peak_q": ("float64", "1", "Q of the loudest tile of the glitch alone"),
    "snr_scan": (
        "float64",
        "1",
        "SNR of the loudest tile near event_time in the scan, over the mean or ln 2 of the median",
    ),
    "q_scan": ("float64", "1", "Q of the plane that the scan shows"),
}


REALISED_PICTURE = {"snr": ("float64", "1", "root of the sum of squares of the signal over the noise's sd")}


def realised_columns(settings: dict) -> dict[str, tuple]:
    """Return name -> (dtype, unit, meaning) of the columns that rendering adds, from its settings."""
    if settings["whiten"] == "none":
        return REALISED_PICTURE
    if settings["whiten"] != "block":
        return REALISED_SCAN
    columns = REALISED | of_source.RENDERED[settings["source"]]
    for ifo in settings["ifos"]:
        for name, (dtype, unit, meaning) in REALISED_PER_IFO.items():
            columns[name.format(ifo=ifo)] = (dtype, unit, meaning.format(ifo=ifo))
    return columns


def arrays(settings: dict) -> list[store.Array]:
    """Return the layout of a dataset's store."""
    if settings["whiten"] == "none":
        return [_picture_array(settings)]
    return _strain_arrays(settings) if settings["whiten"] == "block" else [_scan_array(settings)]


def _picture_array(settings: dict) -> store.Array:
    """Return the layout of toy pictures."""
    shape = settings["picture"]["rows"], settings["picture"]["columns"]
    return store.Array(
        name="picture",
        dims=("sample", "row", "column"),
        shape=(settings["examples"], *shape),
        rows=settings["shard_rows"],
        chunk=shape,
        dtype="float32",
        attributes={"units": "1", "long_name": "toy spectrogram, signal and white noise"},
    )


def scan_shape(count: int, settings: dict) -> tuple[int, ...]:
    """Return the shape of so many Q-scans."""
    size = settings["qscan"]["size"]
    return count, len(SCAN_DURATIONS), size, size


def _scan_array(settings: dict) -> store.Array:
    """Return the layout of Q-scans; that of one duration can be read without the other three."""
    shape = scan_shape(settings["examples"], settings)
    return store.Array(
        name="qscan",
        dims=("sample", "duration", "frequency", "time"),
        shape=shape,
        rows=settings["shard_rows"],
        chunk=(1, *shape[2:]),
        dtype="uint8",
        attributes={"units": "1", "long_name": "ten times the normalised energy of tiles, cut at 25.5"},
    )


def _strain_arrays(settings: dict) -> list[store.Array]:
    rate, stft, ifos = settings["sample_rate"], settings["spectrogram"], len(settings["ifos"])
    samples = round(settings["duration"] * rate) + stft["window"]
    frames, bins = (samples - stft["window"]) // stft["hop"] + 1, geometry.frequency_bins(settings)
    rounded = {"units": "1", "mantissa_bits_kept": settings["keep_bits"]}
    fields = (
        ("strain", ("time",), (samples,), "whitened strain, noise and signal"),
        (
            "spectrogram",
            ("frequency", "frame"),
            (bins, frames),
            "magnitude of strain's STFT, of mean square one",
        ),
    )
    return [
        store.Array(
            name=name,
            dims=("sample", "ifo", *dims),
            shape=(settings["examples"], ifos, *shape),
            rows=settings["shard_rows"],
            chunk=(ifos, *shape),
            dtype="float32",
            attributes={**rounded, "long_name": meaning},
            block=_block(4 * ifos * math.prod(shape)),
        )
        for name, dims, shape, meaning in fields
        if name != "spectrogram" or stft["stored"]
    ]


def _block(size: int) -> int:
    """Return how many bytes of a chunk of some size are compressed together: all of a large one."""
    return size if size > LARGE else 0
