"""The one exception for everything that a user can mend."""


class GwsimError(Exception):
    """What is wrong, the value got, what was expected, where, and a hint.

    The command line prints it without a traceback and exits with 2; every other exception is a fault
    of ours and keeps its traceback.
    """
