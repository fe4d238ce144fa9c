"""Export: a tenant's live resources written down as manifests, on which a plan then has nothing to do.

`survey` reads project and tenant, `write_down` decides what every resource is called and what its manifest says, `place` puts
the files where they belong, all of them or none, and `take_over` writes the ledger so that the project knows what is its own.
"""
