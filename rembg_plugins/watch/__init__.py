"""The watched folder: every picture once, whatever happens.

Begin with :mod:`~rembg_plugins.watch.states`, which holds the state machine; what leads from one
state to the next is named there, module by module.
"""
