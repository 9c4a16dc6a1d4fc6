"""Finished datasets in the formats of other programs, one file of this folder a format.

Each has `write(store, path, seen, ...)`: store is a `finished.Finished`, path is a file or folder that is
whole or not there, and seen wraps the list of what is written piece by piece, to show how far it is.
"""

# Name of a format -> what it gives.
FORMATS = {
    "hdf5": "one HDF5 file, every array a dataset with its axes, units and meaning",
    "npy": "a folder of arrays that NumPy maps into memory, with the table and the attributes",
    "webdataset": "a folder of tars of examples, as WebDataset reads them",
    "mlgwsc1": "a folder of files as those of the MLGWSC-1 challenge, of binaries",
    "tar": "one tar of all files, the same each time, for an archive such as Zenodo",
}
