"""Scored rows and earlier scored rows -> what has changed between them.

A file becomes a `profile`, whose size does not grow with its rows; `report` compares two profiles by the `measures`,
each compared with what `chance` alone would give. `monitor` does all of it for files.
"""
