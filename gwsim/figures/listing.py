"""The figures of a network, and of all of an experiment beside one another, by name.

They are known without drawing them, so that a workflow can declare their files. A figure NAME is NAME.png and
NAME.pdf; captions/NAME.rst says what it shows, whatever the data, and its caption on the page begins with
that text.
"""

from pathlib import Path

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
    "confusion": CLASSIFICATION,
    "roc": CLASSIFICATION,
    "roc_groups": CLASSIFICATION,
    "detection": CLASSIFICATION,
    "tsne": FEATURES,
    "umap": FEATURES,
    "cam_comparison": EXPLANATION,
    "cam_atlas": EXPLANATION,
    "misclassified_1": EXPLANATION,
    "misclassified_2": EXPLANATION,
    "cam_times": EXPLANATION,
    "faithfulness": EXPLANATION,
    "randomisation": EXPLANATION,
}
SECTIONS = tuple(dict.fromkeys(FIGURES.values()))

TITLES = {
    "waveforms": "Spectra of the waveforms",
    "spectrograms": "Sample spectrograms",
    "loss": "Loss and accuracy while training",
    "accuracy": "Accuracy against distance or SNR",
    "tpr": "True positive rate of each class",
    "confusion": "Confusion matrices",
    "roc": "Receiver operating characteristic of each class",
    "roc_groups": "Receiver operating characteristic at some distances or SNRs",
    "detection": "Detection at fixed rates of false alarms",
    "tsne": "Features mapped by t-SNE",
    "umap": "Features mapped by UMAP",
    "cam_comparison": "Maps of one example by every method",
    "cam_atlas": "Maps of one example of each class",
    "misclassified_1": "A misclassified example",
    "misclassified_2": "Another misclassified example",
    "cam_times": "When maps are greatest",
    "faithfulness": "Insertion and deletion",
    "randomisation": "Maps of randomised networks",
}


# Of networks beside one another: name -> title.
COMPARISONS = {
    "compare_accuracy": "Accuracy of all networks",
    "compare_maps": "Maps of all networks",
}


def title(name: str) -> str:
    """Return a figure's title."""
    return TITLES.get(name) or COMPARISONS[name]


def section(name: str) -> str:
    """Return the section of a page that a figure stands in."""
    return FIGURES.get(name, COMPARISON)


def static(name: str) -> str:
    """Return what a figure shows, whatever the data."""
    return " ".join((CAPTIONS / f"{name}.rst").read_text().split())
