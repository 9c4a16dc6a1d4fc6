"""The figures of a network, and of all of an experiment beside one another, by name.

They are known without drawing them, so that a workflow can declare their files. A figure NAME is NAME.png and
NAME.pdf; captions/NAME.rst says what it shows, whatever the data, and its caption on the page begins with
that text. Experiments are of two kinds, which have some figures each for itself: `signals` have a class of
noise, from which they are detected, and `pictures` have none, and are told apart.
"""

from pathlib import Path

from gwsim.draw import NOISE

KINDS = ("signals", "pictures")
CAPTIONS = Path(__file__).parent / "captions"

SIGNALS = "Signals"
TRAINING = "Training"
CLASSIFICATION = "Classification"
FEATURES = "Features"
EXPLANATION = "Explanation"
COMPARISON = "Comparison"

# In the order of the page, which is the paper's; values are the sections.
FIGURES = {
    "waveforms": SIGNALS,
    "spectrograms": SIGNALS,
    "loss": TRAINING,
    "accuracy": CLASSIFICATION,
    "tpr": CLASSIFICATION,
    "per_class": CLASSIFICATION,
    "confusion": CLASSIFICATION,
    "roc": CLASSIFICATION,
    "roc_groups": CLASSIFICATION,
    "detection": CLASSIFICATION,
    "tsne": FEATURES,
    "umap": FEATURES,
    "cam_comparison": EXPLANATION,
    "cam_atlas": EXPLANATION,
    "atlas": EXPLANATION,
    "second": EXPLANATION,
    "misclassified_1": EXPLANATION,
    "misclassified_2": EXPLANATION,
    "misclassified": EXPLANATION,
    "cam_times": EXPLANATION,
    "clusters": EXPLANATION,
    "quadrants": EXPLANATION,
    "faithfulness": EXPLANATION,
    "randomisation": EXPLANATION,
}
SECTIONS = tuple(dict.fromkeys(FIGURES.values()))
# Those that one kind of experiments alone has.
_SIGNALS = (
    "waveforms",
    "spectrograms",
    "accuracy",
    "tpr",
    "roc_groups",
    "detection",
    "cam_atlas",
    "misclassified_1",
    "misclassified_2",
    "cam_times",
)
_PICTURES = ("per_class", "atlas", "second", "misclassified", "clusters", "quadrants")
ONLY = dict.fromkeys(_SIGNALS, "signals") | dict.fromkeys(_PICTURES, "pictures")

TITLES = {
    "waveforms": "Spectra of the waveforms",
    "spectrograms": "Sample spectrograms",
    "loss": "Loss and accuracy while training",
    "accuracy": "Accuracy against distance or SNR",
    "tpr": "True positive rate of each class",
    "per_class": "Share of each class that is recognised",
    "confusion": "Confusion matrices",
    "roc": "Receiver operating characteristic of each class",
    "roc_groups": "Receiver operating characteristic at some distances or SNRs",
    "detection": "Detection at fixed rates of false alarms",
    "tsne": "Features mapped by t-SNE",
    "umap": "Features mapped by UMAP",
    "cam_comparison": "Maps of one example by every method",
    "cam_atlas": "Maps of one example of each class",
    "atlas": "Atlas of maps, one example of each class",
    "second": "Maps of the best two classes",
    "misclassified_1": "A misclassified example",
    "misclassified_2": "Another misclassified example",
    "misclassified": "Misclassified examples",
    "cam_times": "When maps are greatest",
    "clusters": "Several shapes of maps within one class",
    "quadrants": "Where maps have their weight",
    "faithfulness": "Insertion and deletion",
    "randomisation": "Maps of randomised networks",
}


# Of networks beside one another: kind of experiments -> name -> title.
COMPARISONS = {
    "signals": {"compare_accuracy": "Accuracy of all networks", "compare_maps": "Maps of all networks"},
    "pictures": {"compare_classes": "Share of each class that all networks recognise"},
}
_COMPARED = {name: title for each in COMPARISONS.values() for name, title in each.items()}


def kind(classes: list[str]) -> str:
    """Return the kind of an experiment with these classes."""
    return "signals" if NOISE in classes else "pictures"


def figures(kind: str) -> dict[str, str]:
    """Return the figures of a kind of experiments, in the order of the page: name -> section."""
    return {name: section for name, section in FIGURES.items() if ONLY.get(name, kind) == kind}


def title(name: str) -> str:
    """Return a figure's title."""
    return TITLES.get(name) or _COMPARED[name]


def section(name: str) -> str:
    """Return the section of a page that a figure stands in."""
    return FIGURES.get(name, COMPARISON)


def static(name: str) -> str:
    """Return what a figure shows, whatever the data."""
    return " ".join((CAPTIONS / f"{name}.rst").read_text().split())
