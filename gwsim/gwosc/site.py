"""What GWOSC's API says, asked through the gwosc client: runs, strain files, segments of flags, events.

Every question is asked again, with growing waits, until the patience is at an end. The client would repeat
some of them itself, in silence and for as long as a host asks for; it is not let to.
"""

import sys
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import tenacity
from gwosc.api import v2

from gwsim.errors import GwsimError
from gwsim.gwosc import answers
from gwsim.gwosc.answers import Trouble
from gwsim.intervals import Intervals, intersection, union

# Rows a page: the site throttles requests, not rows.
PAGE = 500

PASSING = (
    Trouble,
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.JSONDecodeError,
)
HINT = (
    "Hint: check the network and strain.gwosc.host; or copy a plan or lock made before (plan.json, lock.json "
    "under results/strain) beside the configuration and name it: strain.gwosc.plan."
)


class _Session(requests.Session):
    """A session in which the client sees only answers that it does not repeat."""

    def get(self, url, **options):
        try:
            response = super().get(url, **options)
        except requests.Timeout as error:
            raise Trouble(str(error)) from error
        if answers.passes(response):
            wait = answers.retry_after(response.headers.get("Retry-After"))
            raise Trouble(f"the answer is {response.status_code} {response.reason}", wait)
        return response


class Site(NamedTuple):
    """A host, the connection to it, and for how long (s) a question is asked again."""

    host: str
    session: requests.Session
    patience: float


def connect(host: str, patience: float) -> Site:
    return Site(host.rstrip("/"), _Session(), patience)


def runs(site: Site) -> dict:
    """Return name -> {start, end, ifos} of every run."""
    rows = _ask(site, "the runs", _run, v2.fetch_runs)
    if not rows:
        raise GwsimError(f"{site.host} has no runs, so it is no GWOSC\n{HINT}")
    return dict(rows)


def strain_files(site: Site, run: str, ifo: str, start: int, end: int, rate: int) -> list[dict]:
    """Return {start, duration, path} of a run's files of an ifo that touch [start, end), in order of time.

    `path` is the path of the URL, without the host. Raises GwsimError where the site has no such run.
    """

    def read(row):
        return _file(row) if (row["detector"], row["sample_rate_kHz"] * 1024) == (ifo, rate) else None

    given = {"run": run, "detector": ifo, "start": start, "end": end, "sample_rate": rate}
    rows = _ask(site, f"{run}'s files of {ifo}", read, v2.fetch_run_strain_files, **given)
    if rows is None:
        raise GwsimError(f"{site.host} has no run '{run}' (strain.gwosc.runs)")
    # Of a file released twice, the later release.
    newest = {row["start"]: row for row in sorted(filter(None, rows), key=lambda row: row["path"])}
    return [file for _, file in sorted(newest.items()) if _touches(file, start, end)]


def segments(site: Site, flags: list[str], spans: dict) -> dict[str, Intervals]:
    """Return the intervals in which each flag, such as H1_DATA, is set in the spans: run -> [start, end].

    Every run is asked for by itself: a question over several stops silently at the end of the first.
    Raises GwsimError that names every flag that the site does not know.
    """
    found, unknown = {flag: [] for flag in flags}, []
    for flag in flags:
        for run, (start, end) in spans.items():
            rows = _ask(site, f"{flag} in {run}", _segment, v2.fetch_segments, flag, start, end)
            if rows is None:
                unknown.append(f"{flag} in {run}")
            found[flag] += intersection(rows or [], [[start, end]])
    if unknown:
        where = "see ifos, segments.flags and segments.injections"
        raise GwsimError(f"{site.host} knows no flag {', '.join(unknown)}: {where}")
    return {flag: union(intervals) for flag, intervals in found.items()}


def events(site: Site, start: int, end: int) -> dict:
    """Return name -> GPS time of the newest version of every catalogue's events in [start, end)."""
    given = {"segment": (start, end), "select": {"lastver": "true"}}
    rows = _ask(site, "the events", _event, v2.fetch_event_versions, **given)
    if rows is None:
        raise GwsimError(f"{site.host} has no events")
    return {name: gps for name, _, gps in sorted(rows)}


def _run(row) -> tuple:
    return row["name"], {"start": row["gps_start"], "end": row["gps_end"], "ifos": row["detectors"]}


def _file(row) -> dict:
    path = urlsplit(row["hdf5_url"]).path
    start, duration = map(int, PurePosixPath(path).stem.split("-")[-2:])
    if start != row["gps_start"]:
        raise ValueError(f"{path} said to start at {row['gps_start']}")
    return {"start": start, "duration": duration, "path": path}


def _segment(row) -> list[int]:
    # By name; should the names ever change, by their order, which the gwosc client relies on.
    start, end = (row["start"], row["stop"]) if {"start", "stop"} <= set(row) else row.values()
    return [int(start), int(end)]


def _event(row) -> tuple:
    return row["name"], row["version"], float(row["gps"])


def _touches(file, start, end) -> bool:
    return file["start"] < end and start < file["start"] + file["duration"]


def _ask(site, what, read, fetch, *given, **more):
    """Return every row of an answer as `read` reads it; None where the site has no such thing.

    Raises GwsimError where it does not answer, or in no way that can be understood.
    """
    more |= {"host": site.host, "session": site.session, "pagesize": PAGE}
    ask_again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(PASSING),
        wait=_wait,
        stop=tenacity.stop_before_delay(site.patience),
        before_sleep=lambda state: _say(site, what, state),
        reraise=True,
    )
    try:
        return ask_again(lambda: [read(row) for row in fetch(*given, **more)])
    except requests.HTTPError as error:
        if error.response.status_code == 404:
            return None
        raise GwsimError(f"{site.host} refuses to say {what}: {error}") from error
    except PASSING as error:
        raise GwsimError(f"{site.host} does not say {what}: {_cause(error)}\n{HINT}") from error
    except requests.RequestException as error:
        raise GwsimError(f"cannot ask {site.host} for {what}: {error}\n{HINT}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        broken = f"the answer of {site.host} about {what} is not what GWOSC's API v2 gives"
        raise GwsimError(f"{broken}: {type(error).__name__} {error}\n{HINT}") from error


def _wait(state) -> float:
    asked = getattr(state.outcome.exception(), "after", 0.0)
    return max(asked, 1.0, tenacity.wait_random_exponential(multiplier=1, max=30)(state))


def _say(site, what, state):
    seconds = round(state.next_action.sleep)
    cause = _cause(state.outcome.exception())
    print(f"{site.host} does not say {what} ({cause}); asked again in {seconds} s", file=sys.stderr)


def _cause(error) -> str:
    """Return in words why there is no answer."""
    if isinstance(error, requests.ConnectionError):
        return str(answers.broken(error))
    if isinstance(error, requests.JSONDecodeError):
        page = "an HTML page" if "<html" in error.doc[:1000].lower() else "no JSON"
        return f"{page} instead of an answer, perhaps a proxy's login page: {error.doc[:60]!r}"
    return str(error)
