"""The tables as they are, for administrators and auditors: the stock Django admin."""
