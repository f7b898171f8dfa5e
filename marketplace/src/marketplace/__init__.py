"""The command line: run the platform on a laptop, play the demo, generate the docs."""
