"""The HTTP side of Parley: hands out app tokens and serves the demo page."""
