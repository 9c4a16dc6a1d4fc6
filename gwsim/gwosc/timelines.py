"""Timelines: in which seconds GWOSC's data are all that is asked, and where the nearest such data are."""

from functools import reduce

from gwsim import segments
from gwsim.gwosc import catalogue, site
from gwsim.intervals import Intervals, difference, intersection, length, union


def ask(at: site.Site, settings: dict, spans: dict) -> dict:
    """Return ifo -> flag -> the intervals in which it is set, in the spans: run -> [start, end].

    DATA, which tells where strain is finite, is always among the flags.
    """
    flags = list(dict.fromkeys(["DATA", *settings["flags"], *settings["injections"]]))
    names = {f"{ifo}_{flag}": (ifo, flag) for ifo in settings["ifos"] for flag in flags}
    found = {ifo: {} for ifo in settings["ifos"]}
    for name, intervals in site.segments(at, list(names), spans).items():
        ifo, flag = names[name]
        found[ifo][flag] = intervals
    return found


def without_data(at: site.Site, settings: dict, runs: dict, splits: dict) -> str:
    """Return for each split how much good data each ifo has in it, and the nearest stretch that all have."""
    return "\n".join(_without_data(at, settings, runs, name, ranges) for name, ranges in splits.items())


def _without_data(at, settings, runs, name, ranges) -> str:
    spans = {run: [about["start"], about["end"]] for run, about in runs.items()}
    touched = {run: span for run, span in spans.items() if intersection([span], ranges)}
    near = touched or dict([min(spans.items(), key=lambda item: abs(_way(item[1], ranges)))])
    flags = ask(at, settings, near)
    good = {ifo: reduce(intersection, by_flag.values()) for ifo, by_flag in flags.items()}
    together = reduce(intersection, good.values())
    amounts = {ifo: length(intersection(its, ranges)) for ifo, its in good.items()}
    amounts["all together"] = length(intersection(together, ranges))
    said = ", ".join(f"{who} {seconds} s" for who, seconds in amounts.items())
    free = difference(difference(together, _cut_out(settings)), ranges)
    lies = "" if touched else f"it lies in no run asked for ({', '.join(runs)}); "
    return f"  split '{name}': {lies}of good data there are {said}; {_nearest(settings, free, ranges, near)}"


def _cut_out(settings) -> Intervals:
    events = catalogue.known() if settings["events"] == "known" else settings["events"]
    margin = settings["event_margin"]
    return union([[int(gps) - margin, int(gps) + 1 + margin] for gps in events.values()])


def _nearest(settings, free, ranges, runs) -> str:
    """Return in words the stretch nearest to the ranges that holds a PSD block."""
    stretches = [s for s in free if segments.cut({"split": "", "start": s[0], "end": s[1]}, settings)]
    if not stretches:
        return f"no {settings['stretch_min']} s that all have lie elsewhere in {', '.join(runs)}"
    start, end = min(stretches, key=lambda stretch: abs(_way(stretch, ranges)))
    way = _way([start, end], ranges)
    where = f"{abs(way)} s {'after' if way > 0 else 'before'} it" if way else "next to it"
    return f"the nearest that all have is GPS {start} to {end}, {where}"


def _way(span, ranges) -> int:
    """Return the seconds from the nearest range to the span: positive after it, negative before it."""
    ways = [span[0] - b if span[0] >= b else min(span[1] - a, 0) for a, b in ranges]
    return min(ways, key=abs)
