"""Could anyone tell this model from one trained without the data? Pure numpy, scipy, torch."""
