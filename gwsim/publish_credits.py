"""To whom credit is due: the licence of what a dataset is made from, what to cite, and words of thanks.

Which of GWOSC's runs are cited follows from the GPS times of the examples.
"""

import dataclasses

from gwsim import __version__


@dataclasses.dataclass(frozen=True)
class Work:
    """Something to cite; kind: dataset, article or software."""

    title: str
    authors: str
    kind: str
    doi: str | None = None
    where: str = ""


@dataclasses.dataclass(frozen=True)
class Run:
    """An observing run: its GPS seconds, the DOI of its strain, and the paper that describes it."""

    name: str
    start: int
    end: int
    doi: str | None
    paper: Work


_LVK = "LIGO Scientific Collaboration, Virgo Collaboration and KAGRA Collaboration"
_O1_O2 = Work(
    "Open data from the first and second observing runs of Advanced LIGO and Advanced Virgo",
    "LIGO Scientific Collaboration and Virgo Collaboration",
    "article",
    "10.1016/j.softx.2021.100658",
    "SoftwareX 13, 100658 (2021)",
)
_O3 = Work(
    "Open data from the third observing run of LIGO, Virgo, KAGRA and GEO",
    _LVK,
    "article",
    "10.3847/1538-4365/acdc9f",
    "ApJS 267, 29 (2023)",
)
_O4A = Work(
    "Open Data from LIGO, Virgo, and KAGRA through the First Part of the Fourth Observing Run",
    _LVK,
    "article",
    "10.48550/arXiv.2508.18079",
    "arXiv:2508.18079",
)
# Of runs without a DOI here, the paper is cited; gwosc.org has the rest.
RUNS = (
    Run("O1", 1126051217, 1137254417, "10.7935/K57P8W9D", _O1_O2),
    Run("O2", 1164556817, 1187733618, "10.7935/CA75-FM95", _O1_O2),
    Run("O3a", 1238166018, 1253977218, "10.7935/nfnt-hm34", _O3),
    Run("O3b", 1256655618, 1269363618, "10.7935/pr1e-j706", _O3),
    Run("O4a", 1368975618, 1389456018, None, _O4A),
)
GRAVITY_SPY = (
    Work("Updated Gravity Spy Data Set", "Gravity Spy", "dataset", "10.5281/zenodo.1476551", "Zenodo"),
    Work(
        "Gravity Spy: integrating advanced LIGO detector characterization, machine learning, and citizen "
        "science",
        "Zevin et al.",
        "article",
        "10.1088/1361-6382/aa5cea",
        "CQG 34, 064003 (2017)",
    ),
)
SOFTWARE = Work(f"gwsim-pipeline {__version__}", "gwsim", "software")

# The words that gwosc.org asks for in whatever uses its data.
ACKNOWLEDGEMENT = (
    "This research has made use of data or software obtained from the Gravitational Wave Open Science "
    "Center (gwosc.org), a service of the LIGO Scientific Collaboration, the Virgo Collaboration, and "
    "KAGRA. This material is based upon work supported by NSF's LIGO Laboratory which is a major facility"
    " fully funded by the National Science Foundation, as well as the Science and Technology Facilities "
    "Council (STFC) of the United Kingdom, the Max-Planck-Society (MPS), and the State of "
    "Niedersachsen/Germany for support of the construction of Advanced LIGO and construction and "
    "operation of the GEO600 detector. Additional support for Advanced LIGO was provided by the "
    "Australian Research Council. Virgo is funded, through the European Gravitational Observatory (EGO), "
    "by the French Centre National de Recherche Scientifique (CNRS), the Italian Istituto Nazionale di "
    "Fisica Nucleare (INFN) and the Dutch Nikhef, with contributions by institutions from Belgium, "
    "Germany, Greece, Hungary, Ireland, Japan, Monaco, Poland, Portugal, Spain. KAGRA is supported by "
    "Ministry of Education, Culture, Sports, Science and Technology (MEXT), Japan Society for the "
    "Promotion of Science (JSPS) in Japan; National Research Foundation (NRF) and Ministry of Science and"
    " ICT (MSIT) in Korea; Academia Sinica (AS) and National Science and Technology Council (NSTC) in "
    "Taiwan."
)
# What a dataset may be given on under, by its strain, as SPDX has it; of a user's files nobody here knows.
LICENCES = {
    "toys": "CC0-1.0",
    "simulated": "CC0-1.0",
    "files": None,
    "pictures": "CC-BY-4.0",
    "gwosc": "CC-BY-4.0",
}
ORIGINS = {
    "toys": "All of it is drawn by gwsim-pipeline; there is no data of a detector in it.",
    "simulated": "All of it is simulated with gwsim-pipeline; there is no data of a detector in it.",
    "files": "The strain was read from files that its makers had; see their source. Where that is the "
    "Gravitational Wave Open Science Center (gwosc.org), it asks to be acknowledged and cited.",
    "pictures": "The pictures are those of Gravity Spy's training set.",
    "gwosc": "The strain is that of the detectors, from the Gravitational Wave Open Science Center.",
}


def runs(strain: str, seconds) -> list[Run]:
    """Return the observing runs that some GPS seconds of GWOSC's strain are of; none for other strain."""
    if strain != "gwosc":
        return []
    return [run for run in RUNS if any(run.start <= second < run.end for second in seconds)]


def works(strain: str, seconds) -> list[Work]:
    """Return what a dataset is derived from and asks to be cited, by where its strain is from."""
    if strain == "pictures":
        return list(GRAVITY_SPY)
    used = runs(strain, seconds)
    data = [Work(f"Strain of {run.name}", _LVK, "dataset", run.doi, "gwosc.org") for run in used]
    return data + list(dict.fromkeys(run.paper for run in used))


def told(work: Work) -> str:
    """Return a work as one line of a list of references."""
    end = f", https://doi.org/{work.doi}" if work.doi else ""
    return f"{work.authors}, {work.title}{f', {work.where}' if work.where else ''}{end}"
