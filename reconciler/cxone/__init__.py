"""The only home of HTTP: how a tenant's API is reached, authenticated to, paced, paged and asked.

`reconciler.cxone.client.Client` is the way in, `reconciler.cxone.settings` what it is told. Importing this package alone
loads no HTTP library.
"""
