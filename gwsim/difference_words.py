"""What differs between two datasets in words: a screen of text, and a sentence that tells which is which."""

import json

from gwsim.difference import louder_alone

# Columns that say where an example's noise lies.
NOISE = ("psd_block", "start_sample", "gps_second", "gps_nanosecond")
# Lines of one kind, before the rest is only counted.
SHOWN = 8


def sentence(document: dict) -> str:
    """Return which dataset is which, in a sentence."""
    a, b = (document[side]["name"] for side in "ab")
    if document["equal"]:
        return "They are the same, byte for byte."
    rows, arrays = document["rows"], document["arrays"]
    columns, alike = rows["columns"], rows["numbers"][0] == rows["numbers"][1] and rows["only"] == [[], []]
    same_shards = arrays["same_shards"] == arrays["shards"][0] == arrays["shards"][1]
    if alike and not columns and same_shards and arrays["only"] == [[], []]:
        why = (
            "they were made with other versions" if document["made_with"] else "what they tell of themselves"
        )
        return f"The examples are the same; what differs is beside them ({why})."
    if louder_alone(rows):
        return f"B ({b}) has the same examples as A ({a}), {_louder(document['snr'])}."
    if alike and not columns:
        return f"B ({b}) has the same table as A ({a}), and other values in its arrays."
    if rows["compared"] and columns and not {*columns, *rows["only"][0], *rows["only"][1]} & set(NOISE):
        return f"B ({b}) has the same noise as A ({a}) at the same times, with other signals in it."
    setting = next(
        (key for key in ("seed", "dataset.split", "run") if key in document["configuration"]), None
    )
    if setting and None not in document["configuration"][setting]:
        values = document["configuration"][setting]
        key = setting.removeprefix("dataset.")
        return f"A ({a}) and B ({b}) have other rows: A is of {key} {values[0]}, B of {key} {values[1]}."
    return f"A ({a}) and B ({b}) are different datasets: {len(columns)} columns of their tables differ."


def _louder(snr: dict | None) -> str:
    """Return how loud the examples of the second are beside the first's."""
    if snr is None or "ratio" not in snr:
        return "at another loudness"
    least, median, greatest = (snr["ratio"][key] for key in ("least", "median", "greatest"))
    if greatest - least < 1e-6 * median:
        return f"{median:.3g} times as loud"
    return f"{median:.2g} times as loud at the median ({least:.2g} to {greatest:.2g})"


def text(document: dict) -> str:
    """Return a document as one screen of text."""
    lines = [f"{side.upper()} {document[side]['name']}: {document[side]['folder']}" for side in "ab"] + [""]
    lines += _some("configuration", [_line(*pair) for pair in document["configuration"].items()])
    lines += _some("made with", [_line(*pair) for pair in document["made_with"].items()], 4)
    sources = document["strain"]["sources"]
    lines.append(f"strain         {sources[0]}" + ("" if document["strain"]["same"] else f" | {sources[1]}"))
    lines.append(f"noise          {_noise_words(document['noise'])}")
    told = {True: "the same", False: "others", None: "not told"}
    lines.append(
        "waveforms      "
        + ", ".join(
            f"{name.removeprefix('same_')}: {told[same]}" for name, same in document["waveforms"].items()
        )
    )
    lines += [*_rows_words(document["rows"]), *_snr_words(document["snr"]), _arrays_words(document["arrays"])]
    return "\n".join([*lines, "", document["sentence"]])


def _line(key: str, pair: list) -> str:
    return f"  {key}: {_short(pair[0])} | {_short(pair[1])}"


def _short(value) -> str:
    words = "none" if value is None else json.dumps(value) if isinstance(value, dict | list) else str(value)
    return words if len(words) <= 44 else f"{words[:40]} ..."


def _some(head: str, lines: list[str], most: int = SHOWN) -> list[str]:
    """Return a head and its lines, the first of them where there are many."""
    if not lines:
        return [f"{head:14s} the same"]
    more = [f"  and {len(lines) - most} more"] if len(lines) > most else []
    return [f"{head}, where it differs (A | B)", *lines[:most], *more]


def _names(names: list[str]) -> str:
    """Return names one after the other, the first of them where there are many."""
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _noise_words(noise: dict) -> str:
    told = {True: "of the same store", False: "of another store", None: "it is not told of which store"}
    words = told[noise["same_store"]]
    if "blocks" in noise:
        one, other = noise["blocks"]
        words += f"; {one} | {other} PSD blocks, {noise['shared_blocks']} of both"
        for name in ("psd", "filter"):
            if f"same_{name}s" in noise:
                words += f", {noise[f'same_{name}s']} of the same {name}"
    return words


def _rows_words(rows: dict) -> list[str]:
    one, other = rows["numbers"]
    lines = [f"rows           {one}" + ("" if one == other else f" | {other}")]
    if rows["classes"][0] != rows["classes"][1]:
        lines.append(f"classes        {_short(rows['classes'][0])} | {_short(rows['classes'][1])}")
    for which, only in zip("AB", rows["only"], strict=True):
        lines += [f"  only in {which}: {_names(only)}"] if only else []
    if not rows["columns"]:
        return [*lines, f"columns        the same in {rows['compared']} rows"]
    told = sorted(rows["columns"].items(), key=lambda pair: -pair[1])
    shown = _names([f"{name} {count}" for name, count in told])
    return [*lines, f"columns        that differ, in so many of {rows['compared']} rows: {shown}"]


def _snr_words(snr: dict | None) -> list[str]:
    if snr is None:
        return []
    lines = [f"SNR            {_span(snr['a'])} | {_span(snr['b'])}"]
    return lines + ([f"  B over A, row by row: {_span(snr['ratio'])}"] if "ratio" in snr else [])


def _span(one: dict) -> str:
    return f"{one['least']:.3g} to {one['greatest']:.3g}, median {one['median']:.3g}"


def _arrays_words(arrays: dict) -> str:
    words = [f"{arrays['same_shards']} of {max(arrays['shards'])} shards of the same bytes"]
    if arrays["laid_out_otherwise"]:
        words.append(f"laid out otherwise: {_names(arrays['laid_out_otherwise'])}")
    words += [
        f"only in {which}: {_names(only)}" for which, only in zip("AB", arrays["only"], strict=True) if only
    ]
    return f"arrays         {'; '.join(words)}"
