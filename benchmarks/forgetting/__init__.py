"""Which ways of forgetting hold what they promise: attacks, utility, time, side by side."""
