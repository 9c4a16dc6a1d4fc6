"""What a dataset says of itself: authors as given, runs by GPS times, metadata as archives ask for them."""

import copy
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gwsim import configuration, publish, publish_about, publish_archives, publish_credits, stages
from gwsim.errors import GwsimError

ROOT = Path(__file__).resolve().parents[1]
# The ORCID of the example in ORCID's own description of its check.
JOSIAH = "0000-0002-1825-0097"
GIVEN = {
    "title": "Bursts in noise",
    "description": "Made for a test, of 1 < 2.",
    "authors": [
        {"name": "Carberry, Josiah", "orcid": JOSIAH, "affiliation": "Brown University"},
        {"name": "The Burst Group"},
    ],
    "licence": "CC-BY-4.0",
    "doi": "10.5281/zenodo.1234567",
    "year": 2026,
    "version": "1.2",
    "url": "https://example.org/bursts",
    "publisher": "Zenodo",
}
# Inside each run, and between O1 and O2.
SECONDS = {"O1": 1126259462, "O2": 1187008882, "O3a": 1238166018, "O3b": 1269363617, "": 1140000000}


@pytest.fixture(scope="module")
def default():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def about(default, seconds=(), given=None, strain="simulated"):
    config = copy.deepcopy(default)
    if given:
        config["about"] = given
    card = stages.settings(config)["ccsn/train/card"] | {"strain": strain}
    table = pd.DataFrame({"label": 0, "gps_second": list(seconds)})
    return publish.about("ccsn train", table, card)


def faults(default, **given):
    with pytest.raises(GwsimError) as refusal:
        configuration.check(default | {"about": given})
    return str(refusal.value)


def test_nothing_is_made_up_where_nothing_is_given(default):
    its = about(default)
    assert "authors not given" in its.citation and "DOI not given" in its.citation
    cff = yaml.safe_load(publish_archives.cff(its))
    assert cff["authors"] == [{"name": "authors not given"}] and not {"doi", "url", "references"} & set(cff)
    datacite = json.loads(publish_archives.datacite(its))
    assert datacite["creators"] == [{"name": ":unav"}] and datacite["publisher"] == {"name": ":unav"}
    assert not {"publicationYear", "doi", "relatedIdentifiers", "version"} & set(datacite)
    zenodo = json.loads(publish_archives.zenodo(its))
    assert zenodo["creators"] == [{"name": "not given"}] and "notes" not in zenodo
    assert not re.search(r"\b(19|20)\d\d-\d\d", "".join([publish_archives.cff(its), json.dumps(zenodo)]))


def test_what_is_given_stands_in_all_of_them(default):
    its = about(default, given=GIVEN)
    named = "Carberry, Josiah; The Burst Group (2026): Bursts in noise (ccsn train), version 1.2"
    assert its.citation == f"{named}. Dataset, Zenodo. https://doi.org/10.5281/zenodo.1234567"
    cff = yaml.safe_load(publish_archives.cff(its))
    person = {"family-names": "Carberry", "given-names": "Josiah", "affiliation": "Brown University"}
    assert cff["authors"] == [
        person | {"orcid": f"https://orcid.org/{JOSIAH}"},
        {"name": "The Burst Group"},
    ]
    assert (cff["doi"], cff["license"], cff["version"]) == (GIVEN["doi"], "CC-BY-4.0", "1.2")
    # What the schemas of both ask for.
    assert {"cff-version", "message", "title", "authors"} <= set(cff) and cff["type"] == "dataset"
    datacite = json.loads(publish_archives.datacite(its))
    asked = {"types", "creators", "titles", "publisher", "publicationYear", "schemaVersion", "doi"}
    assert asked <= set(datacite) and datacite["publicationYear"] == "2026"
    first, second = datacite["creators"]
    assert (first["familyName"], first["givenName"], first["nameType"]) == ("Carberry", "Josiah", "Personal")
    assert first["nameIdentifiers"][0]["nameIdentifier"] == f"https://orcid.org/{JOSIAH}"
    assert first["affiliation"] == [{"name": "Brown University"}] and datacite["doi"] == GIVEN["doi"]
    assert second == {"name": "The Burst Group", "nameType": "Organizational"}
    assert datacite["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    zenodo = json.loads(publish_archives.zenodo(its))
    assert zenodo["creators"][0] == GIVEN["authors"][0] and zenodo["license"] == "CC-BY-4.0"
    assert zenodo["description"].startswith("<p>Made for a test, of 1 &lt; 2. ")


@pytest.mark.parametrize(("name", "second"), SECONDS.items())
def test_the_run_of_the_strain_is_cited(default, name, second):
    its = about(default, [second], strain="gwosc")
    data = [work.title for work in its.works if work.kind == "dataset"]
    assert data == ([f"Strain of {name}"] if name else [])
    assert its.acknowledgement and its.licence == "CC-BY-4.0"
    cited = yaml.safe_load(publish_archives.cff(its)).get("references", [])
    assert len(cited) == (2 if name else 0) and {one["type"] for one in cited} <= {"data", "article"}
    assert json.loads(publish_archives.zenodo(its))["notes"] == its.acknowledgement


def test_runs_of_one_paper_cite_it_once_and_edges_belong_to_no_run(default):
    its = about(default, [SECONDS["O1"], SECONDS["O2"], SECONDS["O3a"]], strain="gwosc")
    assert [work.kind for work in its.works] == ["dataset"] * 3 + ["article"] * 2
    relations = json.loads(publish_archives.datacite(its))["relatedIdentifiers"]
    assert [one["relationType"] for one in relations] == ["IsDerivedFrom"] * 3 + ["References"] * 2
    assert {one["relatedIdentifier"] for one in relations} >= {
        "10.7935/K57P8W9D",
        "10.1016/j.softx.2021.100658",
    }
    related = json.loads(publish_archives.zenodo(its))["related_identifiers"]
    assert [one["relation"] for one in related] == ["isDerivedFrom"] * 3 + ["references"] * 2
    for edge in (1238166017, 1253977218):
        assert publish_credits.runs("gwosc", [edge]) == []


def test_runs_are_those_of_gwoscs_own_client():
    """Their spans, as the documentation of the client and the pages of the runs give them."""
    spans = {run.name: (run.start, run.end) for run in publish_credits.RUNS}
    assert spans["O1"] == (1126051217, 1137254417)
    assert spans["O2"] == (1164556817, 1164556817 + 23176801)
    assert spans["O3a"] == (1238166018, 1253977218) and spans["O3b"] == (1256655618, 1269363618)
    ends = [edge for span in spans.values() for edge in span]
    assert ends == sorted(ends)


def test_only_gwoscs_strain_is_thanked_for_and_dated(default):
    for strain in ("simulated", "files", "toys"):
        its = about(default, [SECONDS["O1"]], strain=strain)
        assert its.works == () and its.acknowledgement is None
    assert about(default, [1], strain="files").licence is None
    assert "license" not in yaml.safe_load(publish_archives.cff(about(default, [1], strain="files")))
    spy = about(default, [SECONDS["O1"]], strain="pictures")
    assert [work.doi for work in spy.works] == ["10.5281/zenodo.1476551", "10.1088/1361-6382/aa5cea"]


@pytest.mark.parametrize("orcid", [JOSIAH, "0000-0002-9079-593X", "0000-0001-5109-3700"])
def test_an_orcids_last_character_is_its_check(orcid):
    assert publish_about.orcid_is_sound(orcid)
    for other in set("0123456789X") - {orcid[-1]}:
        assert not publish_about.orcid_is_sound(orcid[:-1] + other)


def test_a_sound_section_passes(default):
    configuration.check(default | {"about": GIVEN})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"author": "Ada"}, "about: unknown key 'author' .*did you mean 'authors'"),
        ({"authors": []}, "about.authors: got .*, expected at least 1 value"),
        ({"authors": [{"orcid": JOSIAH}]}, r"about.authors\[0\]: 'name' is missing"),
        ({"authors": [{"name": "A, B", "orcid": JOSIAH[:-1] + "8"}]}, r"authors\[0\].orcid: .*does not fit"),
        (
            {"authors": [{"name": "A, B", "orcid": "orcid.org/" + JOSIAH}]},
            r"authors\[0\].orcid: .*without the",
        ),
        (
            {"authors": [{"name": "Ada B", "orcid": JOSIAH}]},
            r"authors\[0\].name: .*a person is Family, Given",
        ),
        ({"authors": [{"name": "Ada, "}]}, r"authors\[0\].name: .*expected Family, Given"),
        ({"authors": [{"name": " "}]}, r"authors\[0\].name: "),
        ({"doi": "https://doi.org/10.5281/x"}, "about.doi: .*without the address before it"),
        ({"year": "2026"}, "about.year: .*a whole number"),
        ({"licence": "CC BY 4.0"}, "about.licence: .*SPDX"),
        ({"version": 1}, "about.version: .*text"),
    ],
)
def test_a_bad_section_is_refused(default, given, message):
    assert re.search(message, faults(default, **given))


def test_strain_of_gwosc_cannot_be_given_away(default):
    open_data = copy.deepcopy(default)
    open_data["strain"]["source"] = "gwosc"
    assert "GWOSC's strain is CC-BY-4.0" in faults(open_data, licence="CC0-1.0")


def test_only_the_card_changes_with_the_authors(default):
    plain, told = stages.settings(default), stages.settings(default | {"about": GIVEN})
    changed = {name for name in plain if plain[name] != told[name]}
    assert changed and all(name.endswith("/card") for name in changed)


def card(default, seconds, strain, given=None):
    config = copy.deepcopy(default) | ({"about": given} if given else {})
    settings = stages.settings(config)["ccsn/train/card"] | {"strain": strain}
    table = pd.DataFrame({"label": [0, 1, 1], "gps_second": seconds})
    attributes = {"units": "rad", "long_name": "an angle of the sky"}
    arrays = {"ra": {"dims": ("sample",), "attributes": attributes}}
    return publish.card_text("ccsn train", table.assign(ra=0.0), settings, arrays)


def test_the_card_thanks_gwosc_in_its_words_and_cites_the_runs(default):
    text = card(default, [SECONDS["O3a"]] * 3, "gwosc")
    assert f"> {publish_credits.ACKNOWLEDGEMENT}\n" in text
    assert "https://doi.org/10.7935/nfnt-hm34" in text and "https://doi.org/10.3847/1538-4365/acdc9f" in text
    assert "pr1e-j706" not in text
    plain = card(default, [SECONDS["O3a"]] * 3, "simulated")
    assert "gwosc.org" not in plain and "Authors: not given. DOI: not given." in plain


def test_the_card_tells_authors_classes_and_columns(default):
    text = card(default, [1, 1, 1], "simulated", GIVEN)
    assert text.startswith("# Bursts in noise (ccsn train)\n\nMade for a test, of 1 < 2. 3 examples of ")
    assert "| 0 | noise | 1 |" in text and "| 1 | he3.5 | 2 |" in text and "| 2 | s18 | 0 |" in text
    assert "| `ra` | rad | an angle of the sky |" in text
    assert "Authors: Carberry, Josiah; The Burst Group. DOI: 10.5281/zenodo.1234567." in text
