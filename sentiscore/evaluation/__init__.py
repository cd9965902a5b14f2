"""A checkpoint and labelled rows -> a report of its accuracy and calibration."""
