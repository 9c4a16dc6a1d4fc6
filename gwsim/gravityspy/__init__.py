"""The real glitches of Gravity Spy: labelled pictures, their tables, and from times to one's own Q-scans."""
