"""croissant.json: a dataset as search engines and loaders of machine learning know it (Croissant 1.0).

Croissant has no words for the inside of a Zarr array, so that the store stands there as its files, and the
table as records, with each column's type, unit and meaning.
"""

import json

import pandas as pd

from gwsim.publish_about import KEYWORDS, About, Author
from gwsim.store import TABLE

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
STORE = "data.zarr/zarr.json"
VOCABULARY = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet"),
    *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField"),
    "transform",
)
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{word: f"cr:{word}" for word in VOCABULARY},
}
TYPES = {"i": "sc:Integer", "u": "sc:Integer", "f": "sc:Float", "b": "sc:Boolean"}


def text(about: About, classes: list[str], table: pd.DataFrame, arrays: dict, entries: dict) -> str:
    """Return croissant.json.

    arrays: of the store, which say what columns mean; entries: file -> {"sha256", "bytes"} of what stands.
    """
    found = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": about.title,
        "conformsTo": CONFORMS_TO,
        "description": about.description,
        "keywords": list(KEYWORDS),
        "license": about.licence and f"https://spdx.org/licenses/{about.licence}.html",
        "creator": [_creator(author) for author in about.authors],
        "citeAs": about.citation,
        "url": f"https://doi.org/{about.doi}" if about.doi else about.url,
        "identifier": about.doi,
        "version": about.version,
        "datePublished": about.year and str(about.year),
        "isBasedOn": [f"https://doi.org/{work.doi}" for work in about.works if work.doi],
        "distribution": _files(entries),
        "recordSet": [_classes(classes), _examples(table, arrays)],
    }
    return json.dumps({key: value for key, value in found.items() if value}, indent=1) + "\n"


def _creator(author: Author) -> dict:
    found = {"@type": "sc:Person" if author.person else "sc:Organization", "name": author.name}
    found |= {"url": f"https://orcid.org/{author.orcid}"} if author.orcid else {}
    return found | ({"affiliation": author.affiliation} if author.affiliation else {})


def _files(entries: dict) -> list[dict]:
    """Return the table, the store's metadata, and its other files as a set."""
    kinds = {
        TABLE: ("application/x-parquet", "the table: one row per example"),
        STORE: (
            "application/json",
            "metadata of the Zarr store: open its folder with any reader of Zarr 3",
        ),
    }
    objects = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "description": meaning,
            "contentUrl": name,
            "contentSize": f"{entries[name]['bytes']} B",
            "encodingFormat": kind,
            "sha256": entries[name]["sha256"],
        }
        for name, (kind, meaning) in kinds.items()
    ]
    size = sum(entry["bytes"] for name, entry in entries.items() if name.startswith("data.zarr/"))
    arrays = {
        "@type": "cr:FileSet",
        "@id": "data.zarr",
        "name": "data.zarr",
        "description": f"the Zarr 3 store of examples, {size} B; manifest.json has the sha256 of every file",
        "encodingFormat": "application/vnd.zarr",
        "includes": "data.zarr/**",
    }
    return [*objects, arrays]


def _classes(classes: list[str]) -> dict:
    kinds = {"number": ("sc:Integer", "label of the class"), "name": ("sc:Text", "name of the class")}
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "description": "classes by their labels",
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/number"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"classes/{name}",
                "name": name,
                "description": meaning,
                "dataType": kind,
            }
            for name, (kind, meaning) in kinds.items()
        ],
        "data": [{"classes/number": label, "classes/name": name} for label, name in enumerate(classes)],
    }


def _examples(table: pd.DataFrame, arrays: dict) -> dict:
    return {
        "@type": "cr:RecordSet",
        "@id": "examples",
        "name": "examples",
        "description": "one record per example, in the order of the arrays of data.zarr",
        "field": [_field(name, table[name].dtype.kind, arrays.get(name)) for name in table.columns],
    }


def _field(name: str, kind: str, array: dict | None) -> dict:
    meaning = name
    if array:
        about = array["attributes"]
        meaning = about["long_name"] + ("" if about["units"] == "1" else f" ({about['units']})")
        if "flag_meanings" in about and name != "label":
            flags = about["flag_meanings"].split()
            meaning += "; " + ", ".join(f"{number}: {word}" for number, word in enumerate(flags))
    found = {
        "@type": "cr:Field",
        "@id": f"examples/{name}",
        "name": name,
        "description": meaning,
        "dataType": TYPES.get(kind, "sc:Text"),
        "source": {"fileObject": {"@id": TABLE}, "extract": {"column": name}},
    }
    return found | ({"references": {"field": {"@id": "classes/number"}}} if name == "label" else {})
