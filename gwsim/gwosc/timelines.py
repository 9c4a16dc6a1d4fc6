"""Timelines: in which seconds GWOSC's data are all that is asked, and where the nearest such data are."""

from functools import reduce

from gwsim import segments
from gwsim.gwosc import site
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


def without_data(at: site.Site, settings: dict, runs: dict, wanted: list[int]) -> str:
    """Return in words how much good data each ifo has in a range, and the nearest stretch that all have."""
    spans = {run: [about["start"], about["end"]] for run, about in runs.items()}
    touched = {run: span for run, span in spans.items() if intersection([span], [wanted])}
    near = touched or dict([min(spans.items(), key=lambda item: abs(_way(item[1], wanted)))])
    flags = ask(at, settings, near)
    good = {ifo: reduce(intersection, by_flag.values()) for ifo, by_flag in flags.items()}
    together = reduce(intersection, good.values())
    amounts = {ifo: length(intersection(its, [wanted])) for ifo, its in good.items()}
    amounts["all together"] = length(intersection(together, [wanted]))
    said = ", ".join(f"{who} {seconds} s" for who, seconds in amounts.items())
    free = difference(difference(together, _cut_out(settings)), [wanted])
    lies = "" if touched else f"it lies in no run asked for ({', '.join(runs)}); "
    return f"{lies}of good data there are {said}; {_nearest(settings, free, wanted, near)}"


def _cut_out(settings) -> Intervals:
    margin = settings["event_margin"]
    return union([[int(gps) - margin, int(gps) + 1 + margin] for gps in settings["events"].values()])


def _nearest(settings, free, wanted, runs) -> str:
    """Return in words the stretch nearest to the wanted range that holds a PSD block."""
    stretches = [s for s in free if segments.cut({"split": "", "start": s[0], "end": s[1]}, settings)]
    if not stretches:
        return f"no {settings['stretch_min']} s that all have lie elsewhere in {', '.join(runs)}"
    start, end = min(stretches, key=lambda stretch: abs(_way(stretch, wanted)))
    way = _way([start, end], wanted)
    where = f"{abs(way)} s {'after' if way > 0 else 'before'} it" if way else "next to it"
    return f"the nearest that all have is GPS {start} to {end}, {where}"


def _way(span, wanted) -> int:
    """Return the seconds from the wanted range to the span: positive after it, negative before it."""
    return span[0] - wanted[1] if span[0] >= wanted[1] else min(span[1] - wanted[0], 0)
