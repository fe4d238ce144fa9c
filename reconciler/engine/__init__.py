"""Effects around the core: observing, planning, applying, and the durable state between runs."""
