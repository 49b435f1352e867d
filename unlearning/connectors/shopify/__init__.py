"""Shopify's mandatory privacy webhooks."""
