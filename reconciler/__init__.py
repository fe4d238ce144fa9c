"""A declarative reconciler for NICE CXone: manifests in git are the desired state of a tenant."""

__version__ = "0.1.0"
