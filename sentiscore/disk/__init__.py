"""Files and folders on disk: where files may be written, and the one way to write them durably."""
