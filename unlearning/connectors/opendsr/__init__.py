"""OpenDSR 2.0, formerly OpenGDPR: erasures from a controller's privacy tool."""
