"""Breaking the service on purpose: real processes, real services, a seeded moment. `make test-faults`."""
