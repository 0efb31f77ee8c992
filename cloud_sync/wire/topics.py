"""Where messages go: one topic up and one down for each hub (MQTT form and NATS form).

Hub ids match ``[a-z2-7]{13}``: dots, slashes and wildcards would mean something to a broker.
"""

ALL_UP_SUBJECT = "hubs.*.up"


def up_topic(hub: str) -> str:
    """MQTT topic on which a hub speaks."""
    return f"hubs/{hub}/up"


def down_topic(hub: str) -> str:
    """MQTT topic on which a hub listens."""
    return f"cmd/{hub}"


def down_subject(hub: str) -> str:
    """The same as the broker's own clients name it."""
    return f"cmd.{hub}"


def hub_of_subject(subject: str) -> str:
    """The hub whose topic a message came in on; the broker's admission vouches for it."""
    return subject.split(".")[1]
