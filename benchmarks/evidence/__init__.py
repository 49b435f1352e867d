"""The log's speed, the reports', and what happens to reports that were tampered with."""
