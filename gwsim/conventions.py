"""Conventions and constants of the whole package, stated once.

Fourier: h~(f) = dt * rfft(h). Power spectral densities are one-sided, in 1/Hz.
Inner product: (a|b) = 4 Re sum a~ conj(b~) / S df over [f_low, f_high]; optimal SNR = sqrt((h|h));
a network's SNR is the root of the sum of squares over its ifos.
Whitened noise has unit variance per time sample.
Projection: h(t) = F+ h+(t - tau) + Fx hx(t - tau), tau the ifo's delay from the Earth's centre.
Quadrupole: with A_ij = (G/c^4) d2 Q_ij/dt2 in cm, h+ = (A_thth - A_phph) / D and hx = 2 A_thph / D.
Axes run (sample, ifo, time | frequency, frame); the order of ifos is the configuration's.
GPS time is an integer second and an integer nanosecond, or an integer second and a sample index.
"""

# Strain and amplitude spectral densities are divided by this before any float32 arithmetic: a strain
# PSD near 1e-46 is zero in float32, the same PSD over its square is of order one.
STRAIN_UNIT = 1e-23

# Lengths of the pictures of one glitch, as Gravity Spy has them, in seconds.
SCAN_DURATIONS = (0.5, 1.0, 2.0, 4.0)
# They are 800 x 600, their axes 574 x 480 pixels over a whole duration and 10 to 2048 Hz. The crop in use is
# 566 x 466 of these, without 8 rows at the bottom and 6 at the top: these frequencies at its edges.
SCAN_FREQUENCIES = (10.0 * 204.8 ** (8 / 480), 10.0 * 204.8 ** (1 - 6 / 480))  # 10.93 and 1916 Hz
# Scaled by 0.48 it is 272 x 224, and 24 columns go at each side: this part of the duration is left, 0.812.
# (The crop's middle is one of the 574 columns after the axes' middle; here it is the instant itself.)
SCAN_SPAN = (272 - 2 * 24) / 272 * 566 / 574

# How glitches without splits of their own are parted, as Koyama et al. (2024) do.
SPLIT_FRACTIONS = {"train": 0.70, "validation": 0.15, "test": 0.15}

# More than light takes from one ifo to another, through the Earth, in seconds.
LIGHT_TRAVEL = 0.025

# IAU 2015 resolution B2 parsec.
KPC_CM = 3.0856775814913673e21

# CODATA 2018 and IAU 2015 nominal values, cgs: G in cm^3 g^-1 s^-2, c in cm/s, GM_sun in cm^3 s^-2.
G_CGS = 6.67430e-8
C_CGS = 2.99792458e10
GM_SUN_CGS = 1.32712440018e26

# From the moment's second derivative in g cm^2 s^-2, and in M_sun cm^2 s^-2, to A_ij in cm.
G_OVER_C4_CGS = G_CGS / C_CGS**4
GM_SUN_OVER_C4_CGS = GM_SUN_CGS / C_CGS**4

# Components of a symmetric tensor, in the order in which every table of this package holds them.
TENSOR_ORDER = ("xx", "yy", "zz", "xy", "xz", "yz")
