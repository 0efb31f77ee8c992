"""A small model file of each sort of layout, good as it is, for tests to spoil."""

from __future__ import annotations

FRAMES = """\
name = "thermo"
title = "A thermometer"
layout = "frames"
source = "made up"
repeat = "payload"
recognise = [{ service_data = "1234" }]
liveness.default = "periodic 60 s"
time_resolution_ms.default = 1000
battery = { kind = "battery", low = 10 }
frames = [
  { length = 3, match = [{ at = 0, mask = 0x01, equals = 0x00 }], fields = [
    { kind = "temperature", type = "int16", exponent = -1, least = -40, most = 80 },
    { kind = "battery", type = "uint8", mask = 0x7F, absent = [127] },
  ] },
]
vectors = [
  { title = "a", payload = "000000", status = "decoded", readings = [{ kind = "battery", value = 0 }] },
]
"""

OBJECTS = """\
name = "beacon"
title = "A beacon"
layout = "mibeacon"
source = "made up"
repeat = "payload"
recognise = [{ service_data = "fe95" }]
liveness.default = "event-only"
time_resolution_ms.default = 1000
objects = [
  { id = 0x1004, kind = "temperature", type = "int16" },
  { id = 0x1005, length = 2, kind = "button", type = "event", codes = { 1 = "press" } },
  { id = 0x1005, length = 2, kind = "door", type = "boolean" },
]
"""

GATT = """\
name = "pulse"
title = "A pulse sensor"
layout = "gatt"
source = "made up"
repeat = "payload"
recognise = [{ service = "180d" }]
liveness.default = "event-only"
time_resolution_ms.default = 1000
connection = { characteristics = ["2a37"], every_s = 60, stay_s = 30 }
characteristics = [
  { uuid = "2a37", subscribe = true, flags = true, fields = [
    { kind = "heart_rate", type = "uint8", when = { at = 0, mask = 0x01, equals = 0x00 } },
    { kind = "heart_rate", type = "uint16", when = { at = 0, mask = 0x01, equals = 0x01 } },
    { kind = "energy", type = "uint16", when = { at = 0, mask = 0x08, equals = 0x08 } },
  ] },
]
vectors = [
  { title = "a", payload = "0050", characteristic = "2a37", status = "decoded", readings = [{ kind = "heart_rate", value = 80 }] },
]
"""

MEASURES = """\
name = "thing"
title = "A thing"
layout = "bthome_v2"
source = "made up"
repeat = "packet_id"
recognise = [{ service_data = "fcd2", name_prefix = "thing" }]
liveness.default = "event-only"
time_resolution_ms.default = 1000
objects = [
  { id = 0, kind = "packet_id", type = "uint8", role = "repeat" },
  { id = 2, kind = "temperature", type = "int16", exponent = -2, scale = 1, least = -60, most = 125 },
  { id = 58, kind = "button", type = "event", codes = { 0 = "", 1 = "press" }, urgent = true },
  { id = 83, kind = "text", type = "text" },
]
vectors = [
  { title = "a", payload = "4002ca09", local_name = "thing", status = "decoded", readings = [{ kind = "temperature", value = 25.06 }] },
  { title = "b", payload = "4002ca", local_name = "thing", status = "rejected", reason = "truncated" },
]
"""
