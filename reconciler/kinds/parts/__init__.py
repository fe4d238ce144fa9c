"""What kinds share: field types, the models of mappings and sources, and checks that several kinds make."""
