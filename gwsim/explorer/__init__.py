"""The explorer of a network's features: a folder that a browser opens from disk, and the same page alive."""
