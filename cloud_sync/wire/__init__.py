"""The bytes that cross between hub and cloud; see README.md for the layout. Pure: no I/O, no clock."""
