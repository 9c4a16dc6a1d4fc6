"""The page to open first: its numbers right and in order, its links whole, nothing on it from elsewhere."""

import dataclasses
import html
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from gwsim import report
from gwsim.cli import report as verb
from gwsim.errors import GwsimError

REPORTED = {
    "source": "Somebody <et al.> 2023",
    "numbers": [["tpr_b", 0.261], ["accuracy", 0.978], ["absent", 30.7]],
}


def number(value, error=None, meaning="a share", n=1000):
    return {"value": value, "error": error, "n": n, "meaning": meaning}


ABOUT = {
    "model": "ccsn_cnn",
    "seen": "spectrogram",
    "classes": ["noise", "s25"],
    "ifos": ["H1", "L1", "V1"],
    "sample_rate": 4096,
    "revision": "abc123",
    "parameters": 427378,
    "epochs": 120,
    "examples": 22000,
    "seconds": 600.0,
    "phases": ["SNR 40 to 50", "SNR 20 to 30"],
    "datasets": {"test": {"examples": 100000}},
}


def network(name="paper", seed=1, numbers=None, figures=("tpr", "tsne")):
    sections = {"tpr": "Classification", "tsne": "Features"}
    entries = [
        {
            "name": one,
            "title": f"Title of {one}",
            "section": sections[one],
            "caption": f"{one} & <b>n</b> = 7.",
        }
        for one in figures
    ]
    numbers = numbers if numbers is not None else {"accuracy": number(0.98, 0.001, "accuracy & co")}
    base = f"ccsn/networks/{name}-{seed}/figures"
    return report.Network("ccsn", name, seed, base, numbers, entries, ABOUT, [(f"{base}/../m", "weights")])


def settings(**networks):
    recipes = {name: {"seeds": seeds} for name, seeds in (networks or {"paper": [1]}).items()}
    return {"run": "demo", "experiments": {"ccsn": {"reported": REPORTED, "networks": recipes}}}


def comparison(experiment="ccsn"):
    entry = {"name": "compare_maps", "title": "Maps", "section": "Comparison", "caption": "b & c."}
    table = {"caption": "Median <time>", "heads": ["network", "a"], "rows": [["one-1", "0.5 s"]]}
    return report.Comparison(experiment, f"{experiment}/compare", [entry], [table])


def rows(text):
    """The cells of every row of the first table, as text."""
    table = re.search(r"<table>.*?</table>", text, re.DOTALL)[0]
    found = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in found]
    return [[html.unescape(re.sub("<[^>]*>", " ", cell)) for cell in row] for row in cells]


# ---- numbers


def test_a_number_is_the_mean_over_seeds_with_its_spread_and_the_error_of_one():
    found = {1: number(0.980, 0.003), 2: number(0.986, 0.004), 3: number(0.983, 0.005)}
    value, errors, each = report.cell(found)
    assert value == "0.9830"
    # By hand: deviations ±0.003 of two degrees of freedom; root mean square of the errors 0.00408.
    assert errors == "± 0.0030 between seeds, ± 0.0041 counting"
    assert each == "seeds 1: 0.9800, 2: 0.9860, 3: 0.9830"


def test_one_seed_has_no_spread_and_a_number_without_error_four_digits():
    assert report.cell({1: number(47.9123)}) == ("47.91", "", "")
    assert report.cell({1: number(9.61, 0.2)}) == ("9.61", "± 0.20 counting", "")


@pytest.mark.parametrize("nothing", [None, number(None)])
def test_seeds_without_a_value_are_a_dash_and_no_part_of_the_mean(nothing):
    assert report.cell({1: nothing}) == ("–", "", "")
    value, _, each = report.cell({1: number(0.5, 0.1), 2: nothing})
    assert (value, each) == ("0.50", "seeds 1: 0.50, 2: –")


@pytest.mark.parametrize(
    "value, errors, expected",
    [
        (0.98, [0.01], 3),
        (0.98, [0.01, 0.0002], 3),
        (0.98, [1e-9], 5),
        (30.0, [12.0], 0),
        (0.0, [], 0),
        (1234.5, [], 0),
    ],
)
def test_decimals_show_two_digits_of_the_largest_error(value, errors, expected):
    assert report.decimals(value, errors) == expected


def test_reported_numbers_stand_in_their_order_beside_every_network():
    better = {"accuracy": number(0.99, 0.001), "tpr_b": number(0.4, 0.01, "mean TPR")}
    networks = [network(), network("better", numbers=better)]
    found = rows(report.write(networks, [], settings(paper=[1], better=[1])))
    assert found[0] == ["number", "reported", "ours: paper", "ours: better"]
    assert [row[1] for row in found[1:]] == ["0.261", "0.978", "30.7"]
    assert [row[0].split()[-1] for row in found[1:]] == ["tpr_b", "accuracy", "absent"]
    assert found[1][0].startswith("mean TPR")
    assert [cell.split()[0] for cell in found[1][2:]] == ["–", "0.400"]
    assert [cell.split()[0] for cell in found[2][2:]] == ["0.9800", "0.9900"]
    assert found[3][0].startswith("not measured")


def test_numbers_that_nobody_reported_are_folded():
    numbers = {"accuracy": number(0.98, 0.001), "silhouette": number(0.25, None, "mean silhouette")}
    text = report.write([network(numbers=numbers)], [], settings())
    folded = re.search(
        r"<details><summary>All other numbers \(1\)</summary>(.*?)</details>", text, re.DOTALL
    )[1]
    assert "mean silhouette" in folded
    assert "silhouette" not in str(rows(text))


def test_without_reported_numbers_all_are_folded():
    plain = settings()
    plain["experiments"]["ccsn"]["reported"] = None
    text = report.write([network()], [], plain)
    assert "All other numbers (1)" in text
    assert "Reported:" not in text


# ---- the page


def test_what_was_run_is_told():
    text = report.write([network(seed=1), network(seed=2)], [], settings(paper=[1, 2]))
    for words in (
        "ccsn_cnn over spectrogram, 427,378 parameters",
        "120 epochs",
        "22,000",
        "seeds 1, 2",
        "test 100,000",
        "abc123",
    ):
        assert words in text


def test_text_is_escaped():
    text = report.write([network()], [], settings())
    assert "Somebody &lt;et al.&gt; 2023" in text
    assert "tpr &amp; &lt;b&gt;n&lt;/b&gt; = 7." in text
    assert "accuracy &amp; co" in text


def test_the_first_seed_is_open_and_the_others_are_folded():
    text = report.write([network(seed=5), network(seed=2)], [], settings(paper=[5, 2]))
    opened, folded = text.split("<details><summary>Figures of paper, seed 2</summary>")
    assert "paper-5/figures/tpr.png" in opened
    assert "paper-2/figures/tpr.png" not in opened
    assert "paper-2/figures/tpr.png" in folded.split("</details>")[0]


def test_contents_lead_to_headings_and_identifiers_are_unique():
    networks = [network(), network(seed=2), network("better")]
    text = report.write(networks, [], settings(paper=[1, 2], better=[1]))
    anchors = re.findall(r'id="([^"]*)"', text)
    assert len(anchors) == len(set(anchors))
    contents = re.search(r"<nav.*?</nav>", text, re.DOTALL)[0]
    targets = re.findall(r'href="#([^"]*)"', contents)
    assert set(targets) <= set(anchors)
    assert len(targets) == 1 + 2 * 3 + 1


def test_every_picture_says_what_it_is_to_those_who_do_not_see_it():
    text = report.write([network()], [], settings())
    assert re.findall(r'<img src="[^"]*" alt="([^"]*)"', text) == ["Title of tpr", "Title of tsne"]


def test_networks_beside_one_another_stand_before_each_of_them():
    networks = [network(), network("better")]
    text = report.write(networks, [], settings(paper=[1], better=[1]), [comparison()])
    places = [text.index(f'<h2 id="{one}"') for one in ("compare-ccsn", "ccsn-paper-1", "ccsn-better-1")]
    assert places == sorted(places)
    assert '<img src="ccsn/compare/compare_maps.png" alt="Maps">' in text
    assert 'href="ccsn/compare/compare_maps.pdf"' in text and "Maps. b &amp; c." in text
    assert "<h3>Median &lt;time&gt;</h3>" in text and "<tr><td>one-1</td><td>0.5 s</td></tr>" in text
    assert '<a href="#compare-ccsn">ccsn: networks beside one another</a>' in text
    assert "beside one another" not in report.write(networks, [], settings(paper=[1], better=[1]))


def test_networks_must_be_those_of_the_settings():
    with pytest.raises(GwsimError, match=r"given are ccsn/networks/paper-1; .* name ccsn/networks/paper-2"):
        report.write([network()], [], settings(paper=[2]))
    with pytest.raises(GwsimError, match="given are none"):
        report.write([], [], settings())


def test_an_experiment_without_networks_has_its_data():
    empty = {"run": "demo", "experiments": {"ccsn": {"reported": None, "networks": {}}}}
    text = report.write([], [report.Dataset("dataset ccsn/train", [("a/b.html", "quality page")])], empty)
    assert "No network was trained." in text
    assert 'href="a/b.html"' in text


# ---- the verb


def results(folder, names=("paper-1",)):
    """A folder of results, its files empty where the page only leads to them."""
    for name in names:
        base = folder / "ccsn" / "networks" / name
        for stage in verb.METRICS:
            (base / stage).mkdir(parents=True)
            numbers = {f"of_{stage}": number(0.5, 0.01, f"number of {stage}")}
            (base / stage / "metrics.json").write_text(json.dumps({"numbers": numbers}))
        (base / "explain" / "maps.zarr").mkdir()
        for file in ("model.safetensors", "metrics.csv", "evaluate/test.parquet"):
            (base / file).touch()
        (base / "figures").mkdir()
        entry = {"name": "tpr", "title": "Title", "section": "Classification", "caption": "Text."}
        for suffix in ("png", "pdf"):
            (base / "figures" / f"tpr.{suffix}").touch()
        content = {"figures": [entry], "about": ABOUT}
        (base / "figures" / "figures.json").write_text(json.dumps(content))
    quality = folder / "ccsn" / "test" / "quality" / "index.html"
    quality.parent.mkdir(parents=True)
    for path in (quality, folder / "ccsn" / "test" / "manifest.json"):
        path.touch()
    (folder / "ccsn" / "test" / "data.zarr").mkdir()
    return [folder / "ccsn" / "networks" / name / "figures" / "figures.json" for name in names], quality


def run(folder, lists, quality, compared=(), **networks):
    import argparse

    (folder / "report.json").write_text(json.dumps(settings(**networks)))
    parser = argparse.ArgumentParser()
    verb.arguments(parser)
    words = ["--settings", folder / "report.json", "--networks", *lists, "--quality", quality]
    words += ["--compared", *compared]
    verb.run(parser.parse_args([*map(str, words), "--output", str(folder / "index.html")]))
    return (folder / "index.html").read_text()


def test_every_link_resolves_and_none_leaves_the_results(tmp_path):
    lists, quality = results(tmp_path, ["paper-1", "paper-2"])
    text = run(tmp_path, lists, quality, paper=[1, 2])
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    files = {unquote(link) for link in links if not link.startswith("#")}
    assert [link for link in files if not (tmp_path / link).exists()] == []
    wanted = {
        "figures/tpr.png",
        "figures/tpr.pdf",
        "model.safetensors",
        "explain/maps.zarr",
        "evaluate/test.parquet",
    }
    assert {f"ccsn/networks/paper-2/{name}" for name in wanted} <= files
    assert {"ccsn/test/quality/index.html", "ccsn/test/data.zarr", "ccsn/test/manifest.json"} <= files
    # What is not there has no link: this network was not exported.
    assert "ccsn/networks/paper-1/model.onnx" not in files
    assert {link[1:] for link in links if link.startswith("#")} <= set(re.findall(r'id="([^"]*)"', text))
    assert not re.search(r"https?:|//|@import|<script", text)


def test_comparisons_are_read_and_their_links_resolve(tmp_path):
    lists, quality = results(tmp_path, ["paper-1"])
    folder, made = tmp_path / "ccsn" / "compare", comparison()
    folder.mkdir()
    (folder / "figures.json").write_text(json.dumps({"figures": made.figures, "tables": made.tables}))
    for suffix in ("png", "pdf"):
        (folder / f"compare_maps.{suffix}").touch()
    text = run(tmp_path, lists, quality, [folder / "figures.json"])
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', text)
    assert {"ccsn/compare/compare_maps.png", "ccsn/compare/compare_maps.pdf"} <= set(links)
    assert [link for link in links if not (tmp_path / unquote(link)).exists()] == []


def test_numbers_of_all_stages_are_read(tmp_path):
    lists, quality = results(tmp_path)
    text = run(tmp_path, lists, quality)
    assert all(f"number of {stage}" in text for stage in verb.METRICS)


def test_the_same_results_give_the_same_page(tmp_path):
    lists, quality = results(tmp_path)
    assert run(tmp_path, lists, quality) == run(tmp_path, lists, quality)
    assert [path.name for path in Path(tmp_path).glob("*.part")] == []


def test_a_folder_that_names_no_seed_is_refused(tmp_path):
    lists, quality = results(tmp_path, ["paper"])
    with pytest.raises(GwsimError, match="expected a folder NETWORK-SEED"):
        run(tmp_path, lists, quality)


def test_a_networks_explorer_is_linked_at_the_head_of_its_figures():
    one = dataclasses.replace(network(), explorer="ccsn/networks/paper-1/explorer/index.html")
    text = report.write([one], [], settings())
    (place,) = [
        found.start() for found in re.finditer(r'href="ccsn/networks/paper-1/explorer/index\.html"', text)
    ]
    assert text.index("figures of the network paper") < place < text.index("Title of tpr")
    assert "Explorer of" not in report.write([network()], [], settings())
