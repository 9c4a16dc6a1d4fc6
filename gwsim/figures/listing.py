"""The figures of a network by name: known without drawing them, so that a workflow can declare its files.

A figure NAME is NAME.png and NAME.pdf; captions/NAME.rst says what it shows, whatever the data, and its
caption on the page begins with that text.
"""

from pathlib import Path

CAPTIONS = Path(__file__).parent / "captions"

SIGNALS = "Signals"
TRAINING = "Training"
CLASSIFICATION = "Classification"
FEATURES = "Features"
EXPLANATION = "Explanation"

# In the order of the page, which is the paper's; values are the sections.
FIGURES = {
    "waveforms": SIGNALS,
    "spectrograms": SIGNALS,
    "loss": TRAINING,
    "tpr": CLASSIFICATION,
    "confusion": CLASSIFICATION,
    "roc": CLASSIFICATION,
    "detection": CLASSIFICATION,
    "tsne": FEATURES,
    "umap": FEATURES,
    "cam_comparison": EXPLANATION,
    "cam_atlas": EXPLANATION,
    "misclassified_1": EXPLANATION,
    "misclassified_2": EXPLANATION,
    "faithfulness": EXPLANATION,
    "randomisation": EXPLANATION,
}
SECTIONS = tuple(dict.fromkeys(FIGURES.values()))

TITLES = {
    "waveforms": "Spectra of the waveforms",
    "spectrograms": "Sample spectrograms",
    "loss": "Loss and accuracy while training",
    "tpr": "True positive rate against distance",
    "confusion": "Confusion matrices and SNR by distance",
    "roc": "Receiver operating characteristic of each class",
    "detection": "Detection at fixed rates of false alarms",
    "tsne": "Features mapped by t-SNE",
    "umap": "Features mapped by UMAP",
    "cam_comparison": "Three maps of one example",
    "cam_atlas": "Score-CAM of each class",
    "misclassified_1": "A misclassified example",
    "misclassified_2": "Another misclassified example",
    "faithfulness": "Insertion and deletion",
    "randomisation": "Maps of randomised networks",
}


def static(name: str) -> str:
    """Return what a figure shows, whatever the data."""
    return " ".join((CAPTIONS / f"{name}.rst").read_text().split())
