"""A board with a kernel of its own: the hub in a virtual machine. Read ``machine.py`` first."""
