"""What the machinery around a job costs, and whether requests wait safely while nobody works."""
