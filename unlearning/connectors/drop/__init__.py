"""California's Delete Request and Opt-out Platform (DROP) 1.2: lists of hashes, pulled and answered."""
