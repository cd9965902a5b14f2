"""Scored rows and earlier scored rows -> a report of what has changed between them.

A file becomes a `profile`, whose size does not grow with its rows; `report` compares two profiles with the `measures`,
and each measure with what `chance` alone would give. `monitor` does all of it for files.
"""
