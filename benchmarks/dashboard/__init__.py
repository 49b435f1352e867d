"""How long the server takes for each page of the dashboard."""
