"""Every maximum of the wire format, in one place."""

ENVELOPE_MAX_BYTES = 256_000  # the broker's limit is 262,144 for a whole MQTT packet
READINGS_MAX = 4096  # in one batch
SENSORS_MAX = 256  # named in one batch
SPANS_MAX = 256  # listening spans in one batch
TEXT_MAX_CHARS = 200  # a text reading, a name
RANGES_MAX = 32  # held ranges named in one receipt
VALUE_MAX = 1 << 63  # integers are signed 64 bit
