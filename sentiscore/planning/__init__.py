"""Measures a sample of a scoring job, and computes what all of it would take, here and with other processes."""
