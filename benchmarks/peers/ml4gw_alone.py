"""ml4gw without torchaudio, of which there is no build for every torch: import this before ml4gw.

It asks for two names of torchaudio when it is loaded, for filters and spectrograms that no benchmark uses.
"""

import sys
import types

for name, wanted in {"functional": "filtfilt", "transforms": "Spectrogram"}.items():
    module = types.ModuleType(f"torchaudio.{name}")
    setattr(module, wanted, None)
    sys.modules[module.__name__] = module
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
