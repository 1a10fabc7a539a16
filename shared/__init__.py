"""What two Parley processes must agree on: events, envelopes, subjects, tokens, refusals, settings."""
