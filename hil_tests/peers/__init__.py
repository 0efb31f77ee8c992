"""How others would put the same readings on the wire, each in its most compact usual form; nothing signed."""
