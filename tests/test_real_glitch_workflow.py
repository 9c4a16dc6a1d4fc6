"""Published pictures through every stage of learning, by the overlay that users take for real ones."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from gravityspy_pictures import flat, write
from test_workflow import ROOT, TINY, snakemake

from gwsim.waveforms import glitches

OVERLAYS = (str(TINY), str(ROOT / "workflow/configs/real-glitch.yaml"))
# Of each class, of which 5 are learnt from, one validates and one is asked.
EACH = 7
NETWORKS = "results/glitch/networks"
FEWER = """
run: real
experiments:
  glitch:
    networks:
      merged:
        train: {phases: [{epochs: 10}], batch: 4}
      half_second: null
      glitchnet: null
    explain: {examples: 22, faithfulness: 2}
"""


def band(label, shade):
    """A glitch of a class: a bright band of frequencies of its own, a little brighter or darker."""
    index = np.full((479, 569), 8, np.uint8)
    index[20 * label + 10 : 20 * label + 30] = 120 + shade
    return flat(index)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    for label, name in enumerate(glitches.CLASSES):
        for number in range(EACH):
            for place, duration in enumerate(("0.5", "1.0", "2.0", "4.0")):
                path = folder / f"gravity-spy/{name}/H1_{label:02}x{number}_spectrogram_{duration}.png"
                write(path, band(label, 10 * number + place))
    (folder / "fewer.yaml").write_text(FEWER)
    run = snakemake(folder, "--configfile", *OVERLAYS, str(folder / "fewer.yaml"))
    assert run.returncode == 0, run.stderr
    return folder


def numbers(finished, network, stage):
    return json.loads((finished / NETWORKS / network / stage / "metrics.json").read_text())["numbers"]


def test_pictures_are_learnt(finished):
    """Bands of 20 rows of 479 are told apart after a few epochs: chance is one in 22."""
    assert numbers(finished, "merged-1", "evaluate")["accuracy_test"]["value"] > 0.5


def test_every_stage_leads_to_the_page(finished):
    page = (finished / "results/index.html").read_text()
    links = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page))
    assert [link for link in links if not (finished / "results" / link.partition("?")[0]).exists()] == []
    figures = {f"glitch/networks/merged-1/figures/{name}.png" for name in ("per_class", "atlas", "quadrants")}
    assert figures | {"glitch/networks/merged-1/explorer/index.html"} <= links
    assert "four_seconds-1" in page and "Koyama et al. 2024" in page
    assert not (finished / NETWORKS / "four_seconds-1" / "explain").exists()


def test_maps_and_points_are_those_of_the_set(finished):
    points = pd.read_parquet(finished / NETWORKS / "merged-1/embed/embedding.parquet")
    sizes = [len(pd.read_parquet(finished / f"results/glitch/{name}/table.parquet")) for name in
             ("train", "validation", "test")]  # fmt: skip
    assert sum(sizes) == 22 * EACH and len(points) <= 22 * EACH
    weights = [
        one["value"] for name, one in numbers(finished, "merged-1", "explain").items() if "map_weight" in name
    ]
    assert weights and all(0 <= value <= 1 for value in weights if value is not None)


def test_a_second_run_does_nothing(finished):
    again = snakemake(finished, "--configfile", *OVERLAYS, str(finished / "fewer.yaml"))
    assert "Nothing to be done" in again.stdout + again.stderr
