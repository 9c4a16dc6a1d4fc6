"""What gwosc.org's API v2 answers, from the tables of a gwosc_server.Server.

Each view takes (site, query, base, names in the path) and gives a list, which is paged, one object, or None,
which is 404. Links are absolute, built from `base`, the site as the client calls it.
An event has no strain files of its own, as since GWTC-4.0: the clients then turn to those of its run.
"""

import datetime
import math
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

NAME = re.compile(
    r"[A-Z]-(?P<ifo>[A-Z]\d)_\w*?_(?P<khz>[\d.]+)(KHZ_R|_V)\d+-(?P<start>\d+)-(?P<duration>\d+)\.\w+"
)
PARAMETERS = ["mass-1-source", "mass-2-source", "network-matched-filter-snr", "chirp-mass", "far", "p-astro"]


def respond(site, path, base):
    """Return status and content of the answer to a path with query under /api/v2."""
    place, query = urlsplit(path).path.rstrip("/"), dict(parse_qsl(urlsplit(path).query))
    for pattern, view in ROUTES.items():
        if names := re.fullmatch(pattern, place):
            try:
                found = view(site, query, base, *names.groups())
                found = paged(site, query, base + place, found) if isinstance(found, list) else found
            except BadQuery as error:
                return 400, {"detail": str(error)}
            return (404, {"detail": "Not found."}) if found is None else (200, found)
    return 404, {"detail": "Not found."}


class BadQuery(Exception):
    """A query that the real site answers with status 400."""


def number(query, name, default):
    try:
        return float(query.get(name, default))
    except ValueError:
        raise BadQuery(f"{name}={query[name]}: enter a number") from None


def paged(site, query, url, found):
    size, page = int(number(query, "pagesize", 0)) or site.page_size, int(number(query, "page", 1))
    pages = max(1, -(-len(found) // size))
    if not 1 <= page <= pages:
        return None

    def link(number):
        return f"{url}?{urlencode(query | {'page': number})}" if 1 <= number <= pages else None

    return {
        "next": link(page + 1),
        "previous": link(page - 1),
        "results_count": len(found),
        "results_per_page": size,
        "num_pages": pages,
        "page_number": page,
        "results": found[(page - 1) * size : page * size],
    }


def asked_span(site, query, run=None):
    """[start, stop) of a query; where they are equal, of what contains that instant.

    A query that touches two runs stops, without a word, at the end of the first.
    """
    start, stop = number(query, "start", -math.inf), number(query, "stop", math.inf)
    stop = max(stop, math.nextafter(start, math.inf))
    runs = site.runs.values() if run is None else [site.runs[run]]
    touched = [r["gps_end"] for r in runs if r["gps_start"] < stop and start < r["gps_end"]]
    return start, min([stop, *touched])


def run_of(site, query, base, name):
    if name not in site.runs:
        return None
    return {"name": name, **site.runs[name], "detail_url": f"{base}/api/v2/runs/{name}"}


def runs(site, query, base):
    return [run_of(site, query, base, name) for name in site.runs]


def strain_files(site, query, base, run=None):
    if run is not None and run not in site.runs:
        return None
    start, stop = asked_span(site, query, run)
    rows = {}
    for place in list(site.files):
        name, folder = NAME.fullmatch(place.rsplit("/", 1)[1]), place.split("/")[3]
        first, khz = int(name["start"]), float(name["khz"])
        if (
            folder.split("_")[0] == (run or folder.split("_")[0])
            and name["ifo"] == query.get("detector", name["ifo"])
            and khz == number(query, "sample-rate", khz)
            and first < stop
            and start < first + int(name["duration"])
        ):
            stem = base + place.rsplit(".", 1)[0]
            rows[first, name["ifo"], khz] = {
                "gps_start": first,
                "utc_start": utc(first),
                "detector": name["ifo"],
                "sample_rate_kHz": khz,
                "hdf5_url": f"{stem}.hdf5",
                "gwf_url": f"{stem}.gwf",
                "detail_url": f"{base}/api/v2/strain-files/{name['ifo']}-{first}-{khz:g}kHz",
            }
    return [rows[key] for key in sorted(rows)]


def segments(site, query, base, flag):
    if flag not in site.flags:
        return None
    start, stop = asked_span(site, query)
    # Exactly these two, in this order: the client takes the values as they come.
    spans = [(max(a, start), min(b, stop)) for a, b in sorted(site.flags[flag])]
    return [{"start": int(a), "stop": int(b)} for a, b in spans if a < b]


def event_row(event, base):
    short = f"{event['name']}-v{event['version']}"
    fields = {key: event[key] for key in ("name", "gps", "version", "catalog", "detectors")}
    return {**fields, "shortName": short, "doi": "", "detail_url": f"{base}/api/v2/event-versions/{short}"}


def event_versions(site, query, base):
    releases = query.get("release", "").split(",")
    return [
        event_row(event, base)
        for event in site.events
        if query.get("name-contains", "") in event["name"]
        and (releases == [""] or event["catalog"] in releases)
        and all(within(event, query, bound) for bound in query if bound[:4] in ("min-", "max-"))
    ]


def within(event, query, bound):
    value = event["gps"] if bound[4:] == "gps-time" else event.get(bound[4:].replace("-", "_"))
    limit = number(query, bound, 0)
    return value is not None and (value >= limit if bound.startswith("min") else value <= limit)


def named_event(site, name):
    """The newest version of a name, or the one of NAME-vN or NAME@CATALOG."""
    versions = [
        e
        for e in site.events
        if name in (e["name"], f"{e['name']}-v{e['version']}", f"{e['name']}@{e['catalog']}")
    ]
    return max(versions, key=lambda event: event["version"], default=None)


def event_version(site, query, base, name):
    event = named_event(site, name)
    return event and event_row(event, base) | {"run": event["run"]}


def event_strain_files(site, query, base, name):
    return [] if named_event(site, name) else None


def catalogs(site, query, base):
    names = sorted({event["catalog"] for event in site.events})
    return [
        {"name": name, "description": "", "detail_url": f"{base}/api/v2/catalogs/{name}"} for name in names
    ]


def parameters(site, query, base):
    return list(PARAMETERS)


ROUTES = {
    "/api/v2/runs": runs,
    "/api/v2/runs/([^/]+)": run_of,
    "/api/v2/runs/([^/]+)/strain-files": strain_files,
    "/api/v2/strain-files": strain_files,
    "/api/v2/timelines/([^/]+)/segments": segments,
    "/api/v2/event-versions": event_versions,
    "/api/v2/event-versions/([^/]+)": event_version,
    "/api/v2/event-versions/([^/]+)/strain-files": event_strain_files,
    "/api/v2/catalogs": catalogs,
    "/api/v2/default-parameters": parameters,
}


def utc(gps) -> str:
    """UTC of a GPS second since 2015-07."""
    leap = 18 if gps >= 1167264018 else 17
    return (datetime.datetime(1980, 1, 6) + datetime.timedelta(seconds=gps - leap)).isoformat()
