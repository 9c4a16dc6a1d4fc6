"""Waveforms: what a source radiates, before any detector is asked.

`ccsn` serves core-collapse supernovae, as tensors that turn to any direction: `surrogates` makes them,
`ccsn_files` reads published ones, `quadrupole` knows their geometry.
This file imports nothing, so that naming one source never loads the libraries of another.
"""
