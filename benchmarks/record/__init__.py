"""The system of record at ten million interactions: import, lineage, freezing, the slider, requests over HTTP."""
