"""Verbs of the command, one a file: see `command`. Empty, so that a new verb changes no other's code."""
