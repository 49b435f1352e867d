"""Who may do what in the dashboard, and who looked at whom."""
