"""ml4gw without torchaudio, of which there is no build for every torch.

It asks for two names of torchaudio when it is loaded, for filters and spectrograms that no benchmark uses.
"""

import sys
import types

NAMES = {"functional": "filtfilt", "transforms": "Spectrogram"}


def without_torchaudio() -> None:
    """Put nothing in those names' place, as is to be done before ml4gw is imported."""
    for name, wanted in NAMES.items():
        module = types.ModuleType(f"torchaudio.{name}")
        setattr(module, wanted, None)
        sys.modules[module.__name__] = module
    sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
