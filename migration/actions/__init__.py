"""Define what `manage.py storage ACTION` does, with a module for each action.

The module's docstring is the help. `add_arguments` adds options to an argparse parser. `run` carries the action out,
writes to `out`, and returns False if anything failed.
"""
