"""Strain: where it comes from, how it is read, its spectra."""
