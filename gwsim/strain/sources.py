"""The strain of each ifo in each GPS block, from any source, read through one kind of record.

A source is a function (settings, seed, ifo, start, duration, sample_rate, folder) -> paths: it makes or finds
the files that hold some of the block [start, start + duration), the same ones however often it is asked, and
gives none where there are no data. `records.make_record` verifies them; later stages read through the record.
"""

from gwsim.strain import files, gwosc, simulated

SOURCES = {"simulated": simulated.source, "files": files.source, "gwosc": gwosc.source}
