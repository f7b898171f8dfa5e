"""The command `marketplace`.

It runs the platform (MongoDB, NATS, the services and the gateway) on one machine, plays a demo on the running platform,
generates documents from the code, and has commands for operators.
"""
