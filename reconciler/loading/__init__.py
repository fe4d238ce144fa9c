"""From files to documents: YAML with the place of every value, variables, the project file, code bundles."""
