"""Files of scored rows -> files of daily features, made once or updated every night, and their charts."""
