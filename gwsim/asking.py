"""What every request over http(s) says: who asks, and that a file is to come as it is, not packed."""

from gwsim import __version__

HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"gwsim/{__version__}"}
