"""Loops over rows in a core's own cache, compiled: what takes numpy or torch several passes is one here.

All take C-contiguous arrays, (row, ifo, ...) where nothing else is said, and write into the last one; places
are rows of what is stored. Complex spectra are given as floats, real and imaginary parts in turns. Sums are
of 64 float32 products, added up in float64. `gwsim.bulk` has the same arithmetic in torch, for many rows at
once. Each kernel says first what has to fit (ValueError): beyond an array's end is other memory.

Machine code is made when a kernel is first called, and kept beside this file or, where that cannot be
written, in the user's cache.
"""

from typing import no_type_check

import numba
import numpy as np

# Products may be fused with sums, and terms of a sum of 64 added in any order; NaN and infinity stay. What is
# kept of machine code does not know of a change here: it goes with the folders __pycache__.
ARITHMETIC = {"reassoc", "contract", "nsz"}
TERMS = 64


def compiled(function):
    """Compile a function for this processor when it is first called; threads may run it side by side."""
    options = {"nogil": True, "fastmath": ARITHMETIC, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to keep it: each process compiles for itself
        return numba.njit(**options)(function)


@compiled
@no_type_check
def fit(yes):
    """Raise ValueError where shapes do not fit."""
    if not yes:
        raise ValueError("arrays whose shapes do not fit")


@compiled
@no_type_check
def project(entry, weights, coarse, fine, spectra):
    """Sum a bank's entry (term, bin) by weights (row, ifo, term), turned by coarse * fine (row, ifo, bin)."""
    rows, ifos, floats = spectra.shape
    fit(weights.shape == (rows, ifos, len(entry)) and entry.shape[1] == floats)
    fit(fine.shape == (rows, ifos, TERMS) and coarse.shape == (rows, ifos, -(-floats // (2 * TERMS))))
    summed = np.empty(2 * TERMS, np.float32)
    for row in range(rows):
        for ifo in range(ifos):
            for piece in range(coarse.shape[2]):
                first = 2 * TERMS * piece
                width = min(2 * TERMS, floats - first)
                summed[:] = 0
                for term in range(weights.shape[2]):
                    weight = weights[row, ifo, term]
                    for k in range(width):
                        summed[k] += weight * entry[term, first + k]
                turn = coarse[row, ifo, piece]
                for k in range(width // 2):
                    phase = turn * fine[row, ifo, k]
                    real, imaginary = summed[2 * k], summed[2 * k + 1]
                    spectra[row, ifo, first + 2 * k] = real * phase.real - imaginary * phase.imag
                    spectra[row, ifo, first + 2 * k + 1] = real * phase.imag + imaginary * phase.real


@compiled
@no_type_check
def multiply(factors, values):
    """Multiply values (ifo, bin) by factors, in place."""
    fit(factors.shape == values.shape)
    for ifo in range(values.shape[0]):
        for k in range(values.shape[1]):
            values[ifo, k] *= factors[ifo, k]


@compiled
@no_type_check
def weighted_squares(values, first, weights, sums):
    """Sum squares of values (ifo, bin) by weights, which begin at the values' place `first`."""
    fit(len(values) == len(weights) == len(sums) and 0 <= first <= values.shape[1] - weights.shape[1])
    whole = weights.shape[1] // TERMS * TERMS
    for ifo in range(values.shape[0]):
        total, rest = 0.0, np.float32(0)
        for begin in range(0, whole, TERMS):
            part = np.float32(0)
            for k in range(TERMS):
                value = values[ifo, first + begin + k]
                part += value * value * weights[ifo, begin + k]
            total += part
        for k in range(whole, weights.shape[1]):
            rest += values[ifo, first + k] * values[ifo, first + k] * weights[ifo, k]
        sums[ifo] = total + rest


@compiled
@no_type_check
def squares(values, first, last, sums):
    """Sum the squares of values [first, last) of each row and ifo."""
    fit(values.shape[:2] == sums.shape and 0 <= first <= last <= values.shape[2])
    whole = (last - first) // TERMS * TERMS
    for row in range(values.shape[0]):
        for ifo in range(values.shape[1]):
            total, rest = 0.0, np.float32(0)
            for begin in range(first, first + whole, TERMS):
                part = np.float32(0)
                for k in range(TERMS):
                    part += values[row, ifo, begin + k] * values[row, ifo, begin + k]
                total += part
            for k in range(first + whole, last):
                rest += values[row, ifo, k] * values[row, ifo, k]
            sums[row, ifo] = total + rest


@compiled
@no_type_check
def add(signal, factor, strain):
    """Add a multiple of a signal, which may be longer, to the strain of one ifo."""
    fit(len(signal) >= len(strain))
    multiple = np.float32(factor)
    for k in range(strain.shape[0]):
        strain[k] += multiple * signal[k]


@compiled
@no_type_check
def rounded(bits, dropped):
    """Return the bits of a finite float32 with so many bits less of mantissa, half to even."""
    below_half, kept = np.int32((1 << dropped) // 2 - 1), np.int32(-(1 << dropped))
    return (bits + below_half + ((bits >> dropped) & 1)) & kept if dropped else bits


@compiled
@no_type_check
def inside(places, rows):
    """Return whether places are rows of an array."""
    return len(places) == 0 or (places.min() >= 0 and places.max() < len(rows))


@compiled
@no_type_check
def round_mantissas(values, dropped, places, out):
    """Round values (row, ifo, time) by so many bits of mantissa into their places."""
    bits, target = values.view(np.int32), out.view(np.int32)
    fit(len(places) == len(bits) and bits.shape[1:] == target.shape[1:] and inside(places, target))
    for row in range(bits.shape[0]):
        for ifo in range(bits.shape[1]):
            source, result = bits[row, ifo], target[places[row], ifo]
            for k in range(len(source)):
                result[k] = rounded(source[k], dropped)


@compiled
@no_type_check
def frame(strain, places, taper, hop, frames):
    """Cut strain of some places into tapered frames (row, ifo, frame, time)."""
    rows, ifos, count, size = frames.shape
    fit(len(places) == rows and strain.shape[1] == ifos and len(taper) == size and inside(places, strain))
    fit((count - 1) * hop + size <= strain.shape[2])
    for row in range(frames.shape[0]):
        for ifo in range(frames.shape[1]):
            for number in range(frames.shape[2]):
                source, result = strain[places[row], ifo, number * hop :], frames[row, ifo, number]
                for k in range(len(taper)):
                    result[k] = source[k] * taper[k]


@compiled
@no_type_check
def magnitudes(spectra, dropped, places, out):
    """Write rounded |z| of the first bins of spectra (row, ifo, frame, bin) as (ifo, bin, frame)."""
    bins, frames = out.shape[2:]
    fit(len(places) == len(spectra) and inside(places, out) and spectra.shape[3] >= 2 * bins)
    fit(spectra.shape[1] == out.shape[1] and spectra.shape[2] == frames)
    found = np.empty((frames, bins), np.float32)
    bits, target = found.view(np.int32), out.view(np.int32)
    for row in range(spectra.shape[0]):
        for ifo in range(spectra.shape[1]):
            for number in range(frames):
                for k in range(bins):
                    real, imaginary = spectra[row, ifo, number, 2 * k], spectra[row, ifo, number, 2 * k + 1]
                    found[number, k] = np.sqrt(real * real + imaginary * imaginary)
                for k in range(bins):
                    bits[number, k] = rounded(bits[number, k], dropped)
            result = target[places[row], ifo]
            for k in range(bins):
                for number in range(frames):
                    result[k, number] = bits[number, k]
