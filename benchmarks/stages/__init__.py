"""What is measured, a module for each: build(folder, times) -> measuring.Stage.

folder: an empty scratch folder; times: how much work our way does, against the usual
"""

ORDER = (
    "simulate",
    "read",
    "whiten",
    "waveforms_ccsn",
    "waveforms_cbc",
    "waveforms_cbc_scaled",
    "draw",
    "render_ccsn",
    "render_cbc",
    "render_glitch",
    "qscan",
    "write",
    "new_snr_ccsn",
    "new_snr_cbc",
    "shuffled",
    "train",
    "grad_cam",
    "score_cam",
    "tsne",
)
