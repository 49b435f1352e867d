"""HubSpot's webhook of privacy deletions."""
