"""The dashboard in a real browser, over a whole installation: `make test-browser`."""
