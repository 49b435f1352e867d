"""The customer's own page: what is shared, what each step means, and the way to take it back."""
