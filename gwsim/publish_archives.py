"""What archives ask for beside a dataset: CITATION.cff, DataCite's metadata, and Zenodo's.

They stand beside data.zarr, not in it: a reader of Zarr warns about files that it does not know, and an
archive looks for them at the top. The manifest covers them.
"""

import html
import json

import yaml

from gwsim.publish_about import KEYWORDS, NOT_GIVEN, About, Author
from gwsim.publish_credits import Work

CFF_KINDS = {"dataset": "data", "article": "article"}
# DataCite's word for a value that is not there.
UNAVAILABLE = ":unav"
ORCID = "https://orcid.org/"
RIGHTS = "https://spdx.org/licenses/"
# What it is to a dataset that it is made from data, and what it is that a paper describes these.
RELATIONS = {"dataset": "IsDerivedFrom", "article": "References"}


def cff(about: About) -> str:
    """Return CITATION.cff, version 1.2.0 of the Citation File Format."""
    authors = [_cff_author(author) for author in about.authors] or [{"name": f"authors {NOT_GIVEN}"}]
    found = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it and what it references.",
        "type": "dataset",
        "title": about.title,
        "abstract": about.description,
        "authors": authors,
        "keywords": list(KEYWORDS),
        "doi": about.doi,
        "url": about.url,
        "version": about.version,
        "license": about.licence,
        "references": [_cff_reference(work) for work in about.works],
    }
    return yaml.safe_dump(
        {key: value for key, value in found.items() if value}, sort_keys=False, allow_unicode=True, width=110
    )


def _cff_author(author: Author) -> dict:
    found = {"name": author.name}
    if author.person:
        found = dict(zip(("family-names", "given-names"), author.person, strict=True))
        found["affiliation"] = author.affiliation
    found["orcid"] = author.orcid and ORCID + author.orcid
    return {key: value for key, value in found.items() if value}


def _cff_reference(work: Work) -> dict:
    found = {"type": CFF_KINDS[work.kind], "title": work.title, "authors": [{"name": work.authors}]}
    found |= {"doi": work.doi} if work.doi else {}
    return found | {"notes": work.where}


def datacite(about: About) -> str:
    """Return metadata after DataCite's schema 4.5, as JSON; the year it asks for is there where given."""
    found = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "labelled examples"},
        "doi": about.doi,
        "url": about.url,
        "creators": [_creator(author) for author in about.authors] or [{"name": UNAVAILABLE}],
        "titles": [{"title": about.title}],
        "publisher": {"name": about.publisher or UNAVAILABLE},
        "publicationYear": about.year and str(about.year),
        "subjects": [{"subject": word} for word in KEYWORDS],
        "descriptions": [{"description": about.description, "descriptionType": "Abstract"}],
        "formats": ["application/vnd.zarr; version=3", "application/vnd.apache.parquet"],
        "version": about.version,
        "language": "en",
        "rightsList": [_rights(about.licence)] if about.licence else None,
        "relatedIdentifiers": [_related(work) for work in about.works if work.doi],
    }
    return _json({key: value for key, value in found.items() if value})


def _creator(author: Author) -> dict:
    found = {"name": author.name, "nameType": "Personal" if author.person else "Organizational"}
    if author.person:
        found |= dict(zip(("familyName", "givenName"), author.person, strict=True))
    if author.orcid:
        found["nameIdentifiers"] = [
            {"nameIdentifier": ORCID + author.orcid, "nameIdentifierScheme": "ORCID", "schemeUri": ORCID}
        ]
    return found | ({"affiliation": [{"name": author.affiliation}]} if author.affiliation else {})


def _rights(licence: str) -> dict:
    scheme = {"rightsIdentifier": licence, "rightsIdentifierScheme": "SPDX", "schemeUri": RIGHTS}
    return {"rights": licence, "rightsUri": f"{RIGHTS}{licence}.html", **scheme}


def _related(work: Work) -> dict:
    relation = RELATIONS[work.kind]
    return {"relatedIdentifier": work.doi, "relatedIdentifierType": "DOI", "relationType": relation}


def zenodo(about: About) -> str:
    """Return .zenodo.json, from which Zenodo fills its form."""
    creators = [
        {
            key: value
            for key, value in (
                ("name", author.name),
                ("affiliation", author.affiliation),
                ("orcid", author.orcid),
            )
            if value
        }
        for author in about.authors
    ]
    related = [
        {"identifier": work.doi, "relation": RELATIONS[work.kind][0].lower() + RELATIONS[work.kind][1:]}
        for work in about.works
        if work.doi
    ]
    found = {
        "title": about.title,
        "upload_type": "dataset",
        "description": f"<p>{html.escape(about.description)}</p>",
        "creators": creators or [{"name": NOT_GIVEN}],
        "access_right": "open",
        "license": about.licence,
        "keywords": list(KEYWORDS),
        "version": about.version,
        "language": "eng",
        "notes": about.acknowledgement,
        "related_identifiers": related,
    }
    return _json({key: value for key, value in found.items() if value})


def _json(content: dict) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
