"""Python programs that `make secrets` and `make k8s-check` run.

The other commands for the cluster are targets in ../commands.mk.
"""
