"""A small page for tests of the explorer: points apart from one another, each with a picture of its own."""

import numpy as np
import pandas as pd

from gwsim import embed, seeds
from gwsim.cli import explorer
from gwsim.explorer import bundle, points, saliency

CLASSES = ["Blip", "Chirp", "noise", "Whistle"]
DATASETS = ["train", "test"]
COUNT, SIDE, CELLS = 40, 56, 7
# Of these points there are maps; of the last one of the class of its label as well.
MAPPED = (3, 20, 21)


def embedding():
    """Twenty points of each dataset on a spiral; every fifth is taken for the next class."""
    place = np.arange(COUNT)
    label = place % 4
    columns = {
        "dataset": place // 20,
        "row": 3 * (place % 20),
        "label": label,
        "predicted": (label + (place % 5 == 0)) % 4,
        "score": 0.5 + place / 100,
    }
    angle = 2 * np.pi * place / 13
    for name in ("tsne", "umap", "umap3"):
        columns |= {f"{name}_x": place * np.cos(angle), f"{name}_y": place * np.sin(angle)}
    columns["umap3_z"] = place / 2.0
    columns |= {f"near_{rank + 1}": (place + rank + 1) % COUNT for rank in range(embed.NEAREST)}
    return pd.DataFrame({name: np.asarray(columns[name], embed.COLUMNS[name][0]) for name in embed.COLUMNS})


def tables():
    """The datasets' own tables, of 60 rows each; noise has neither SNR nor event."""
    row = np.arange(60)
    label = np.full(60, -1)
    found = {}
    for number, name in enumerate(DATASETS):
        mine = embedding()[embedding()["dataset"] == number]
        label[mine["row"]] = mine["label"]
        noise = label == 2
        found[name] = pd.DataFrame(
            {
                "label": label.copy(),
                "gps_second": 1238236470 + row,
                "gps_nanosecond": np.full(60, 250_000_000),
                "event_time": np.where(noise, np.nan, 1.5),
                "snr": np.where(noise, np.nan, 8 + row / 10),
                "scan_ifo": row % 2,
            }
        )
    return found


def examples(places):
    """Pictures (sample, 1, row, column): rough patterns that differ from point to point."""
    patterns = [
        seeds.generator("explorer_pages", int(place)).uniform(size=(1, 4, 4)).astype(np.float32)
        for place in places
    ]
    return np.kron(np.stack(patterns), np.ones((SIDE // 4, SIDE // 4), np.float32))


def maps():
    """One map of each of the mapped points: its own pixel is 255."""
    found = {}
    for place, point in enumerate(MAPPED):
        cells = np.zeros((CELLS, CELLS), np.uint8)
        cells[place, CELLS - 1] = 255
        found[point] = [saliency.Map(int(embedding()["predicted"][point]), "score_cam", cells)]
    last = MAPPED[-1]
    found[last].append(saliency.Map(2, "score_cam", np.full((CELLS, CELLS), 255, np.uint8)))
    return found


def write(folder):
    """Write the page; return its folder."""
    names = {"title": "glitch: paper-1", "words": "A test.", "classes": CLASSES, "noise": 2}
    names |= {"datasets": DATASETS, "ifos": [["H1", "L1"]] * 2}
    placing = {"grid": [(8.0, 3.5)] * 2, "align": "resize"}
    about = bundle.described(names, (1, SIDE, SIDE), maps(), placing, "merged")
    columns = points.columns(embedding(), tables(), maps())
    explorer.write(folder, bundle.contents(columns, maps(), examples, "merged", about))
    return folder
