"""Membership inference: was this pair learned from?"""
