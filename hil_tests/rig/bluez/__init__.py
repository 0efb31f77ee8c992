"""``org.bluez`` without a kernel's Bluetooth: a private D-Bus, and behind it the rig's virtual radio."""
