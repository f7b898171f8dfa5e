"""The command line: runs the platform on one machine, plays the demo, generates documents, operates the platform."""
