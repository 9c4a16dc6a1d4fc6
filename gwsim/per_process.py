"""What each process opens for itself: handles and threads do not outlive a fork, and cannot be sent."""

import os
import threading

# One of several threads makes; what is made may ask for others.
_MAKING = [threading.RLock()]
# A thread that is not there after a fork may have held it.
os.register_at_fork(after_in_child=lambda: _MAKING.__setitem__(0, threading.RLock()))


class PerProcess:
    """What `make` gives, made when a process first asks for it and kept for that process alone."""

    def __init__(self, make):
        self._make, self._made, self._process = make, None, None

    def __call__(self):
        if self._process != os.getpid():
            with _MAKING[0]:
                if self._process != os.getpid():
                    self._made, self._process = self._make(), os.getpid()
        return self._made

    def __getstate__(self) -> dict:
        return {"_make": self._make, "_made": None, "_process": None}
