"""Waveforms of binaries of three classes, 4 s at 4096 Hz, as they are made while rendering: cbc_scaled."""

from pathlib import Path

import common
import numpy as np
import pandas as pd
from measuring import CORE, MEMORY, OURS, PLAIN, Part, Stage, Way, copied, repeated
from pycbc_waveforms import one_by_one

from gwsim.waveforms import cbc, cbc_scaled, sources
from gwsim.waveforms.entry import span

# Systems, those that a piece of a micro-batch has, and those of the plain way: every class as often.
RATE, SYSTEMS, PIECE, FEW = 4096, 192, 16, 12


def build(folder: Path, times: int) -> Stage:
    settings = common.settings_of(common.configuration("cbc", 4 * SYSTEMS // 3, "cbc_scaled"))
    systems, waveforms = common.make_table(folder, settings), settings["waveforms"]
    common.make_bank(folder / "bank", systems, waveforms)
    bank, (start, samples) = sources.opened(folder / "bank" / "shards.zarr"), span(waveforms)
    # As rendering sorts them: the systems of a class stand together.
    order = np.argsort(systems["source"].to_numpy(), kind="stable")
    pieces = np.array_split(order, SYSTEMS // PIECE)
    return Stage(
        unit="waveforms",
        about=f"{__doc__} The curves on mass ratio stand already. LAL's approximants are what ours rescales; "
        "PyCBC makes them from as long before merger.",
        ways=[
            Way("gwsim", OURS, repeated(times, lambda: sum(len(bank.entries(one)) for one in pieces))),
            Way("PyCBC's get_td_waveform", PLAIN, one_by_one(as_long(systems.iloc[:FEW], start))),
        ],
        limit=[
            Part("phases and amplitudes to samples, bare", CORE, painting(start)),
            Part("a waveform written once", MEMORY, copied(8 * samples)),
        ],
    )


def as_long(systems: pd.DataFrame, start: float) -> pd.DataFrame:
    """Return the systems with the first frequency and the rate of waveforms that begin where ours do."""
    lowest = [cbc.frequency(system, -start) for _, system in systems.iterrows()]
    return systems.assign(f_low=lowest, rate=RATE)


def painting(start: float):
    """Return what takes phases and amplitudes at the nodes of blocks to plus and cross up to the merger.

    Amplitudes are polynomials in the phase's cosine: of two classes in three five powers, as LAL's own.
    """
    blocks, order, block = int(-start * RATE) // cbc_scaled.BLOCK, cbc_scaled.ORDER, cbc_scaled.BLOCK
    phase, to_turns = np.ones((blocks, order)), np.ones((order, block))
    nodes, matrix = np.ones((2, blocks, order), np.float32), np.ones((order, block), np.float32)
    turn = np.empty((blocks, block))
    angle, cosine = (np.empty((blocks, block), np.float32) for _ in range(2))
    made, term = (np.empty((2, blocks, block), np.float32) for _ in range(2))

    def work() -> int:
        for powers in (1, 5, 5):
            np.copyto(angle, np.matmul(phase, to_turns, out=turn), casting="same_kind")
            np.cos(angle, out=cosine)
            np.matmul(nodes, matrix, out=made)
            for _ in range(powers):
                np.multiply(made, cosine, out=made)
                np.add(made, np.matmul(nodes, matrix, out=term), out=made)
            np.multiply(made[1], np.sin(angle, out=angle), out=made[1])
        return 3

    return work
