"""The schema of the configuration, and its faults in words: where, what was got, what was expected, a hint.

jsonschema finds the faults; its own messages dump what they compare.
"""

import datetime
import difflib
from functools import cache
from pathlib import Path

import jsonschema
import yaml

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "config.schema.yaml"

# jsonschema takes 6000.0 for an integer; sizes of arrays do not.
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)

TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
EXPECTED = {
    "const": "'{}'",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "multipleOf": "a multiple of {}",
    "uniqueItems": "no value twice",
    "pattern": "text of the form {}",
    "minProperties": "at least {} entry",
}


def faults(config: dict) -> list[str]:
    """Return every fault that the schema finds."""
    return [line for error in Validator(_schema()).iter_errors(config) for line in _explain(error)]


def required() -> set[str]:
    """Return the sections that a whole configuration has."""
    return set(_schema()["required"])


@cache
def _schema() -> dict:
    return yaml.safe_load(SCHEMA.read_text())


def _explain(error: jsonschema.ValidationError) -> list[str]:
    """Return one line per offender: where, what was got, what was expected, a hint."""
    place = where(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        return [_unknown(place, key, known) for key in error.instance if key not in known]
    if error.validator == "required":
        missing = [key for key in error.validator_value if f"'{key}'" in error.message]
        return [f"{place}: '{key}' is missing{_in_brackets(_about(error, key))}" for key in missing]
    if list(error.absolute_schema_path)[-2:-1] == ["propertyNames"]:
        return [f"{place}: '{error.instance}' is no name for it: {error.schema['description']}"]
    if error.validator == "oneOf" and (meant := _meant(error)):
        return [line for fault in meant for line in _explain(fault)]
    got = "nothing" if error.instance is None else _short(error.instance)
    return [f"{place}: got {got}, expected {_expected(error)}{_in_brackets(_meaning(error))}"]


def where(path) -> str:
    """Return a place in the configuration as a person writes it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "top level"


def _short(value) -> str:
    return text if len(text := repr(value)) < 80 else f"{text[:76]}..."


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _about(error: jsonschema.ValidationError, key: str) -> str:
    return error.schema.get("properties", {}).get(key, {}).get("description", "")


def _meant(error: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """Return the faults of the one of several forms that was meant; none where it is like none of them."""
    forms: dict[int, list[jsonschema.ValidationError]] = {}
    for fault in error.context:
        forms.setdefault(fault.relative_schema_path[0], []).append(fault)

    def likeness(number):
        own = error.validator_value[number].get("properties", {})
        return len(set(own) & set(error.instance)), -sum(not fault.relative_path for fault in forms[number])

    def another_type(fault):
        return fault.validator in ("type", "const") and not fault.relative_path

    like = [number for number, faults in forms.items() if not any(map(another_type, faults))]
    return forms[max(like, key=likeness)] if like else []


def _expected(error: jsonschema.ValidationError) -> str:
    """Return what a field wants, in words."""
    kind, value = error.validator, error.validator_value
    if kind == "type":
        return TYPES[value] + _text_hint(error)
    if kind == "enum":
        return f"one of {', '.join(map(str, value))}"
    if kind == "contains":
        return f"{value['const']} among them"
    if kind in ("minItems", "maxItems"):
        fixed = error.schema.get("minItems") == error.schema.get("maxItems")
        return f"{value} values" if fixed else f"at least {value} value{'s' if value > 1 else ''}"
    if kind == "maxProperties":
        return f"just {value} of these (an overlay adds to a mapping; set what it is to replace to null)"
    if kind == "oneOf":
        return " or ".join(_form(form) for form in value)
    return EXPECTED[kind].format(value)


def _form(schema: dict) -> str:
    """Return one of several forms in words."""
    if "const" in schema:
        return f"'{schema['const']}'"
    return " of ".join([TYPES[schema["type"]], *filter(None, [", ".join(schema.get("properties", {}))])])


def _text_hint(error: jsonschema.ValidationError) -> str:
    """Return what to write instead of 1e3 or "5", which YAML reads as text, or of a date."""
    if isinstance(error.instance, datetime.date):
        return ", and YAML makes a date of this: give GPS seconds"
    if error.validator_value in ("number", "integer") and isinstance(error.instance, str):
        try:
            return f", which this is not in YAML: write {float(error.instance):g} without quotes or exponent"
        except ValueError:
            return ""
    return ""


def _meaning(error: jsonschema.ValidationError) -> str:
    """Return the description of the field that an error is about, the innermost there is."""
    node, meaning = _schema(), ""
    for part in error.absolute_schema_path:
        if "$ref" in node:  # the path has no place for it; what stands beside it says more than its target
            target = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
            node = target | {key: value for key, value in node.items() if key != "$ref"}
            meaning = node.get("description", meaning)
        node = node[part]
        if isinstance(node, dict) and isinstance(node.get("description"), str):
            meaning = node["description"]
    return meaning


def _unknown(where: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"
    return f"{where}: unknown key '{key}' ({hint})"
