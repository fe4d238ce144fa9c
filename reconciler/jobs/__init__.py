"""Data jobs: what `reconciler run` carries out. A kind ``SomeJob`` is run by the module ``reconciler.jobs.some_job``."""
