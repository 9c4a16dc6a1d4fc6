"""What a dataset says of itself to people and to archives: title, authors, licence, what it rests on.

Authors, DOI and the like are the user's (section `about` of the configuration); what is not given is said to
be not given. There is no date of a build anywhere: the bytes are those of the configuration.
"""

import dataclasses

from gwsim import publish_credits
from gwsim.publish_credits import Work

NOT_GIVEN = "not given"
KEYWORDS = ("gravitational waves", "machine learning", "Zarr")


@dataclasses.dataclass(frozen=True)
class Author:
    """A person, written Family, Given; or an organisation."""

    name: str
    affiliation: str | None = None
    orcid: str | None = None

    @property
    def person(self) -> tuple[str, str] | None:
        """Family and given names; none of an organisation."""
        family, comma, given = self.name.partition(",")
        return (family.strip(), given.strip()) if comma else None


@dataclasses.dataclass(frozen=True)
class About:
    """Everything that the metadata of a dataset are written from."""

    title: str
    description: str
    authors: tuple[Author, ...]
    licence: str | None
    works: tuple[Work, ...]
    acknowledgement: str | None
    doi: str | None = None
    year: int | None = None
    version: str | None = None
    url: str | None = None
    publisher: str | None = None

    @property
    def citation(self) -> str:
        """How to cite the dataset itself, in one line."""
        names = "; ".join(author.name for author in self.authors) or f"authors {NOT_GIVEN}"
        parts = [names, f"({self.year})" if self.year else "", f": {self.title}"]
        parts += [f", version {self.version}" if self.version else "", ". Dataset"]
        parts += [f", {self.publisher}" if self.publisher else "", ". "]
        place = f"https://doi.org/{self.doi}" if self.doi else self.url or f"DOI {NOT_GIVEN}"
        return " ".join(parts[:2]).strip() + "".join(parts[2:]) + place


def of(title: str, what: str, card: dict, seconds, count: int) -> About:
    """Return what a dataset says of itself.

    what: its examples, in words; card: settings of the data card; seconds: GPS seconds of its examples.
    """
    given, strain = card["configuration"].get("about", {}), card["strain"]
    classes = card["classes"]
    made = (
        f"{count} examples of {what}, in {len(classes)} classes: {', '.join(classes)}. "
        f"{publish_credits.ORIGINS[strain]} Made by gwsim-pipeline from a table of which each row is an "
        "example, with its source, its noise and its signal-to-noise ratio."
    )
    return About(
        title=f"{given['title']} ({title})" if "title" in given else title,
        description=" ".join(filter(None, [given.get("description"), made])),
        authors=tuple(Author(**author) for author in given.get("authors", ())),
        licence=given.get("licence", publish_credits.LICENCES[strain]),
        works=tuple(publish_credits.works(strain, seconds)),
        acknowledgement=publish_credits.ACKNOWLEDGEMENT if strain == "gwosc" else None,
        **{name: given.get(name) for name in ("doi", "year", "version", "url", "publisher")},
    )


def orcid_is_sound(orcid: str) -> bool:
    """Return whether the last character of an ORCID is the check of the others (ISO 7064, MOD 11-2)."""
    *digits, check = orcid.replace("-", "")
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == check
