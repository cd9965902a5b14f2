"""Scores the windows of a job in other processes: on several devices of this machine, or on a cluster.

Every process of a crew has one scorer and gets one window after the other. Their scores fill the journal of the job,
which then writes its outputs from the journal, as a job does that continues.
"""
