"""The Python programs for `make secrets` and `make k8s-check`.

All other commands for the cluster are in ../commands.mk.
"""
