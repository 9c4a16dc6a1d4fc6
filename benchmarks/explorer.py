"""How fast the explorer's page opens from disk with the paper's 8,583 glitches, in a headless Chromium.

    python benchmarks/explorer.py [--points 8583] [--runs 5] [--keep FOLDER]

Points, pictures and maps are made up, of the sizes of `merged_view_cnn`. Told are the seconds that the folder
took to write, its size, and medians over the runs: from the start of loading to the first drawn frame; then
milliseconds: drawing one frame of all points, changing the filter, and from the choice of a point until its
picture has been decoded. Each run is a browser of its own, begun anew.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.ndimage

from gwsim import embed, seeds
from gwsim.cli import explorer
from gwsim.explorer import bundle, points, saliency

CLASSES = [f"class {place + 1}" for place in range(22)]
DATASETS = ["train", "validation", "test"]
SIDE, CELLS = 448, 28
FRAME = "() => { const t = performance.now(); for (let i = 0; i < 20; i++) { scene.turn(.01, 0); " \
        "scene.draw(looks, data.label, null); } return (performance.now() - t) / 20; }"  # fmt: skip
FILTER = "() => { const t = performance.now(); off.label = new Set([0, 3]); show(); off.label = new Set(); " \
         "show(); return (performance.now() - t) / 2; }"  # fmt: skip
CHOOSE = """async (point) => { const t = performance.now(); choose(point); const image = new Image();
    image.src = `sheets/${sheetOf(point)[0]}.webp`; await image.decode(); return performance.now() - t; }"""


def tables(count):
    """Return the embedding and the datasets' tables of so many points in 22 clusters."""
    draw, place = seeds.generator("benchmark", "explorer"), np.arange(count)
    label = draw.integers(0, len(CLASSES), count)
    columns = {"dataset": place % 3, "row": place // 3, "label": label, "score": draw.uniform(0.3, 1, count)}
    columns["predicted"] = np.where(draw.uniform(size=count) < 0.02, (label + 1) % len(CLASSES), label)
    for name in embed.COLUMNS:
        if name.startswith(("tsne", "umap")):
            columns[name] = draw.normal(0, 8, len(CLASSES))[label] + draw.normal(size=count)
    columns |= {f"near_{rank + 1}": draw.integers(0, count, count) for rank in range(embed.NEAREST)}
    table = pd.DataFrame({name: np.asarray(columns[name], embed.COLUMNS[name][0]) for name in embed.COLUMNS})
    found = {}
    for number, name in enumerate(DATASETS):
        mine = table.loc[table["dataset"] == number, "label"].reset_index(drop=True)
        found[name] = pd.DataFrame(
            {"label": mine, "snr": 12.0, "gps_second": 1238236470, "gps_nanosecond": 0}
        )
    return table, found


def written(folder, count):
    """Write the page and return the seconds that it took."""
    table, found = tables(count)
    draw = seeds.generator("benchmark", "pictures")
    # Smooth noise with a bright stripe: it packs about as well as a Q-scan.
    noise = scipy.ndimage.gaussian_filter(draw.exponential(3.0, (40, SIDE, SIDE)), (0, 1.5, 3)) / 12
    noise[:, :, 200:230] += 0.5
    pictures = noise.clip(0, 1).astype(np.float32)[:, None]
    cells = draw.integers(0, 256, (CELLS, CELLS)).astype(np.uint8)
    maps = {i: [saliency.Map(int(target), "score_cam", cells)] for i, target in enumerate(table["predicted"])}
    names = {"title": "glitch: benchmark", "words": "Made up.", "classes": CLASSES, "noise": None}
    names |= {"datasets": DATASETS, "ifos": [["H1", "L1"]] * 3, "single": [True] * 3}
    about = bundle.described(names, (1, SIDE, SIDE), maps, {"grid": None, "align": "resize"}, "merged")
    start = time.perf_counter()
    columns = points.columns(table, found, maps)
    explorer.write(folder, bundle.contents(columns, maps, lambda i: pictures[i % 40], "merged", about))
    return time.perf_counter() - start


def opened(folder):
    """Return (seconds to the first frame, ms a frame, ms a filter, ms until a chosen picture is there)."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto((folder / "index.html").as_uri())
        page.wait_for_function("performance.getEntriesByName('drawn').length")
        first = page.evaluate("performance.getEntriesByName('drawn')[0].startTime") / 1000
        found = first, page.evaluate(FRAME), page.evaluate(FILTER), page.evaluate(CHOOSE, 7)
        browser.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=8583)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="where to leave the page")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.keep or Path(scratch) / "explorer").resolve()
        took = written(folder, args.points)
        size = sum(path.stat().st_size for path in folder.rglob("*.*")) / 1e6
        script = (folder / "points.js").stat().st_size / 1e6
        print(
            f"{args.points} points: written in {took:.0f} s, {size:.1f} MB, of which points.js {script:.1f}"
        )
        each = [opened(folder) for _ in range(args.runs)]
    first, frame, refilter, chosen = (statistics.median(column) for column in zip(*each, strict=True))
    told = ", ".join(f"{one[0]:.2f}" for one in each)
    print(f"first frame after {first:.2f} s (runs: {told}), load {os.getloadavg()[0]:.1f}")
    print(f"frame {frame:.1f} ms, filter {refilter:.1f} ms, picture {chosen:.0f} ms")


if __name__ == "__main__":
    main()
