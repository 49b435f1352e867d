"""The officers' face: server-rendered pages."""
