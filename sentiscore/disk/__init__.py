"""Files and folders on a disk: what may be written where, and the one way to write it for good."""
