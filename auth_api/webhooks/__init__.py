"""Notices, sent to the app's backend as Standard Webhooks."""
