# Networks of the configuration and what they are trained on and asked; names of files that the rules share.
from gwsim.figures import listing

# Experiments that are exercises: these ask their networks, no other stage does.
EXERCISES = [
    name for name, content in config["experiments"].items() if "exercise" in content
]
# Networks that are evaluated, and which of them have maps and figures of their own.
EVALUATED = {
    f"{experiment}/networks/{network}-{seed}": networks.shown(recipe)
    for experiment, content in config["experiments"].items()
    if experiment not in EXERCISES
    for network, recipe in content.get("networks", {}).items()
    for seed in recipe["seeds"]
}
# Networks of stores that others made are trained and evaluated alone.
THEIRS = [
    name
    for name in EVALUATED
    if stages.stored(config["experiments"][name.split("/")[0]])
]
OF_THEIRS = ("evaluate/metrics.json", "model.onnx")
NETWORKS = [name for name, shown in EVALUATED.items() if shown and name not in THEIRS]
# Experiments of each kind of figures, as regular expressions.
KINDS = {
    kind: "|".join(
        name
        for name, content in config["experiments"].items()
        if listing.kind(stages.classes(content)) == kind
    )
    or "(?!)"
    for kind in listing.KINDS
}


wildcard_constraints:
    network="[a-z0-9_]+",
    seed="[0-9]+",


def recipe_of(wildcards):
    """Return a network's recipe."""
    networks = config["experiments"][wildcards.experiment].get("networks", {})
    if wildcards.network not in networks:
        raise WorkflowError(
            f"no network {wildcards.network} in {wildcards.experiment}: expected one of {', '.join(networks)}"
        )
    return networks[wildcards.network]


def manifests(wildcards, names):
    """Return the manifests of an experiment's datasets."""
    return [f"results/{wildcards.experiment}/{name}/manifest.json" for name in names]


def training_sets(wildcards):
    """Return the manifests of a network's training and validation sets."""
    train = recipe_of(wildcards)["train"]
    found = manifests(wildcards, [train["dataset"], train["validation"]])
    return dict(zip(("train", "validation"), found))


def mixed_from(wildcards):
    """Return what examples are rendered from in memory; nothing where they are read from the store."""
    train = recipe_of(wildcards)["train"]
    if not train["mix"]:
        return []
    names = (train[role] for role in ("dataset", "validation"))
    banks = [bank_at(wildcards.experiment, name) for name in names]
    return [f"results/noise/{RUN}/manifest.json", *banks]


def bank_at(experiment, dataset):
    """Return the manifest of the bank that a dataset of the configuration is rendered from."""
    its = loudness.parent(config["experiments"][experiment]["datasets"], dataset)
    return f"results/{experiment}/{its}/bank/manifest.json"


def asked(wildcards, stage):
    """Return an experiment's part of the configuration about one stage."""
    return config["experiments"][wildcards.experiment][stage]


def evaluated_sets(wildcards):
    """Return the manifests of the datasets that networks are evaluated on."""
    return manifests(wildcards, asked(wildcards, "evaluate")["datasets"])


def explained_sets(wildcards):
    """Return the manifests of the datasets whose examples are explained."""
    explain = asked(wildcards, "explain")
    return manifests(wildcards, dict.fromkeys((explain["dataset"], explain["atlas"])))


def embedded_sets(wildcards):
    """Return the manifests of the datasets whose features are mapped."""
    return manifests(wildcards, asked(wildcards, "embed")["datasets"])


def first_set(wildcards):
    """Return the folder of the first dataset that is evaluated: windows of noise are rendered as its rows are."""
    return f"{wildcards.experiment}/{asked(wildcards, 'evaluate')['datasets'][0]}"


def background_bank(wildcards):
    """Return the bank whose length windows of noise have room for; none where nothing is detected."""
    if not networks.detects(config["experiments"][wildcards.experiment]):
        return []
    first = asked(wildcards, "evaluate")["datasets"][0]
    return bank_at(wildcards.experiment, first)


def background_files(wildcards):
    """Return what windows of noise alone are rendered from: noise, segments, a bank, settings; or nothing."""
    if not networks.detects(config["experiments"][wildcards.experiment]):
        return []
    return [
        f"results/noise/{RUN}/manifest.json",
        f"results/segments/{RUN}/segments.json",
        background_bank(wildcards),
        f"results/config/{first_set(wildcards)}/render.json",
    ]


def exercised(wildcards):
    """Return the networks of an exercise by what it calls them, and the dataset that they are asked about."""
    if wildcards.experiment not in EXERCISES:
        raise WorkflowError(
            f"{wildcards.experiment} is no exercise: expected one of {', '.join(EXERCISES)}"
        )
    its, found = asked(wildcards, "exercise"), {}
    for role in ("network", "linear", "three"):
        seeds = config["experiments"][wildcards.experiment]["networks"][its[role]]
        found[role] = [
            f"results/{wildcards.experiment}/networks/{its[role]}-{seed}/model.safetensors"
            for seed in seeds["seeds"]
        ]
    return found | {"data": manifests(wildcards, [its["dataset"]])}


def compared(wildcards, file):
    """Return a file of every network of an experiment, in the configuration's order."""
    own = [name for name in EVALUATED if name.startswith(f"{wildcards.experiment}/")]
    return [f"results/{name}/{file}" for name in own]


def compared_models(wildcards):
    """Return the checkpoints of an experiment's networks."""
    return compared(wildcards, "model.safetensors")


def compared_rates(wildcards):
    """Return what was evaluated of an experiment's networks."""
    return compared(wildcards, "evaluate/metrics.json")


def compared_maps(wildcards):
    """Return what was explained of an experiment's networks, maps beside it."""
    return compared(wildcards, "explain/metrics.json")


def captions(names):
    """Return the captions of figures."""
    return [str(listing.CAPTIONS / f"{name}.rst") for name in names]


def drawn(kind):
    """Return the figures of a network of a kind of experiments."""
    folder, names = (
        "results/{experiment}/networks/{network}-{seed}/figures",
        listing.figures(kind),
    )
    return [
        pictured(folder, name, "{experiment}: {network}", "{seed}") for name in names
    ]


def beside(kind):
    """Return the figures of networks beside one another, of a kind of experiments."""
    folder, names = "results/{experiment}/compare", listing.COMPARISONS[kind]
    return [pictured(folder, name, "{experiment}", "all") for name in names]


def pictured(folder, name, category, seed):
    """Return a figure's file, with what Snakemake's report says of it."""
    return report(
        f"{folder}/{name}.png",
        caption=str(listing.CAPTIONS / f"{name}.rst"),
        category=category,
        subcategory=listing.section(name),
        labels={"figure": listing.title(name), "seed": seed},
    )
