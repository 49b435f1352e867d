"""The test of the test: what verdicts do models get of which it is known how much they remember?"""
