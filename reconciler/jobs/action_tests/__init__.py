"""The tests that data actions declare: executed on a target, or on this machine alone, and held against what they expect."""
