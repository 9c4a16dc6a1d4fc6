"""How a published dataset was made, as it tells itself: its configuration and the settings that follow.

A store tells it in its attributes, and its table in the metadata of the Parquet file: either is enough.
"""

import json
from pathlib import Path

from gwsim import manifest, provenance, stages, store
from gwsim.errors import GwsimError

# What a dataset's attributes say of the code that made it.
CODE = ("versions", "revision")


def of_store(folder: Path) -> dict:
    """Return a finished store's attributes; raises GwsimError for one that is half written."""
    metadata = folder / "data.zarr" / "zarr.json"
    if not metadata.is_file() or not (folder / manifest.MANIFEST).is_file():
        raise GwsimError(f"{folder} holds no finished store; `gwsim verify {folder}` says how far it is")
    try:
        return json.loads(metadata.read_bytes())["attributes"]
    except (ValueError, KeyError, TypeError) as error:
        raise GwsimError(f"{metadata}: no whole metadata of a Zarr group ({error})") from error


def of_table(path: Path) -> dict:
    """Return what a table tells, or the store beside it where the table tells nothing."""
    told = store.table_attributes(path)
    if told is None and path.name == store.TABLE and (path.parent / "data.zarr" / "zarr.json").is_file():
        told = {**of_store(path.parent), "blocks": _blocks(path.parent / "data.zarr")}
    if told is None:
        raise GwsimError(
            f"{path} does not tell how it was made, and no data.zarr stands beside it: expected the "
            f"{store.TABLE} of a finished dataset (not draw.parquet), of gwsim 0.1.0 or newer"
        )
    return told


def _blocks(path: Path) -> list:
    """Return number, GPS second and seconds of each PSD block that a store has."""
    names = ("block_number", "block_gps_second", "block_seconds")
    if not all((path / name).is_dir() for name in names):
        return []
    values = (store.open_array(path / name).read().result().tolist() for name in names)
    return [list(one) for one in zip(*values, strict=True)]


def named(attributes: dict) -> tuple[str, str]:
    """Return the names of a dataset's experiment and of itself; what others made may tell none."""
    experiment, _, dataset = str(attributes.get("title", "")).partition(" ")
    return attributes.get("experiment", experiment), attributes.get("dataset", dataset)


def configuration(attributes: dict) -> dict:
    """Return the configuration that makes a dataset and no other, as a user could write it."""
    if "configuration" not in attributes:
        its = f"'{attributes['title']}'" if "title" in attributes else "the dataset"
        raise GwsimError(
            f"{its} tells no configuration: it was made elsewhere, and "
            "what was not made here cannot be made again here"
        )
    config = json.loads(json.dumps(attributes["configuration"]))
    for experiment in config["experiments"].values():
        for dataset in experiment["datasets"].values():
            for key, value in stages.DATASET_DEFAULTS.items():
                # Not all experiments may say what none need say.
                if key in dataset and dataset[key] == value:
                    del dataset[key]
    return config


def makeable(attributes: dict) -> dict:
    """Return the configuration of a dataset that is to be made again from it.

    Its classes stand in the order of the labels, which a store of an older gwsim lost from its configuration.

    Raises GwsimError where it has other classes.
    """
    config, (experiment, dataset) = configuration(attributes), named(attributes)
    its = config["experiments"][experiment]["waveforms"]
    if isinstance(its["models"], dict) and set(its["models"]) <= set(attributes["classes"]):
        its["models"] = {name: its["models"][name] for name in attributes["classes"] if name in its["models"]}
    classes = stages.classes(config["experiments"][experiment])
    if classes != attributes["classes"]:
        raise GwsimError(
            f"{experiment} {dataset}: the labels are of {', '.join(attributes['classes'])}, but its "
            f"configuration has the classes {', '.join(classes)}: the store's metadata were edited"
        )
    return config


def whitened_on(attributes: dict) -> str:
    """Return what a dataset's examples are whitened on: block, self, none or given."""
    experiment, _ = named(attributes)
    return configuration(attributes)["experiments"][experiment]["whiten"]


def settings(attributes: dict) -> dict[str, dict]:
    """Return the settings of a dataset's stages by the stage's name, of its strain and noise if it has any.

    Raises GwsimError where this version does not know what the configuration speaks of.
    """
    config, (experiment, dataset) = makeable(attributes), named(attributes)
    try:
        found = stages.settings(config)
        own = {stage: found[f"{experiment}/{dataset}/{stage}"] for stage in ("draw", "render")}
        # A dataset that is another one's at another loudness has its systems.
        source = f"{experiment}/{own['draw']['dataset']}/waveforms"
        own["waveforms"] = found.get(source, {})
        if stages.of_strain(config["experiments"][experiment]):
            own["noise"] = found[f"noise/{stages.noise_of(config, config['experiments'][experiment])}"]
            own["strain"] = found[f"strain/{own['noise']['run']}"]
    except (KeyError, TypeError, ValueError) as error:
        raise GwsimError(
            f"the configuration of {experiment} {dataset} is none of this version ({error!r}); "
            f"{'; '.join(code_differs(attributes)) or 'the same versions made it'}"
        ) from error
    # As the stages read them from their files.
    return json.loads(json.dumps(own, sort_keys=True))


def code_differs(attributes: dict) -> list[str]:
    """Return, one a line, in which versions and revision this code is not the one that made a dataset."""
    made, here = attributes.get("versions", {}), provenance.versions()
    lines = [
        f"{name}: made with {made.get(name, 'none')}, here {here.get(name, 'none')}"
        for name in sorted({*made, *here})
        if made.get(name) != here.get(name)
    ]
    if attributes.get("revision") != provenance.revision():
        lines.append(f"revision: made with {attributes.get('revision')}, here {provenance.revision()}")
    return lines
