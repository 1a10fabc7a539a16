"""The room authority: a pure core that applies the event log, and a thin shell around it."""
