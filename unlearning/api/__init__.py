"""The REST face: `/api/v1`."""
