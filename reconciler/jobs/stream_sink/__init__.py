"""StreamSink."""
