"""The statistics of an audit: no estimate without its interval, no test without its size."""
