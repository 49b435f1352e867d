"""The pages on settings: who may send, who is told, how requests are checked, and who signs in."""
