"""The sensor node: this file runs at power-on and after each deep sleep. READ FIRST.

It looks at its pins, says what happened and, every period, what holds; each transmission has the
next number of ``counter.py``, is encrypted if a key is set, and is logged on the serial console:
``sent 257 door=1``. In the configuration window it lets itself be connected to (``radio.py``).
"""

import json
import sys
import time

import bluetooth
import machine
import pins
import settings
from bthome import Sealer, advert, told
from bursts import INTERVAL_MS
from counter import Counter
from cryptolib import aes
from flash import Flash
from node import Node
from radio import Radio
from sensors import Debounced, LongPress
from sht3x import Sht3x

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from bthome import Reading
    from node import Kept

    class Memory(TypedDict):
        """What RTC memory keeps through a deep sleep."""

        counter: list[int]
        node: Kept
        levels: dict[str, int]


TICK_MS = 20
LONG_PRESS_MS = 3000  # opens the window
WINDOW_MS = 60_000  # for so long
LONGEST_PRESS_MS = 10_000  # forgets name, period and key
SLEEP_MIN_MS = 500  # a start costs more than so much waiting
WATCHDOG_MS = 30_000
RESTART_AFTER_S = 10
_AES_ECB = 1


class Board:
    """Everything the node is made of."""

    def __init__(self, flash: Flash, given: settings.Settings) -> None:
        memory = _recalled()
        self._flash = flash
        self._settings = given
        self._counter = Counter(flash, memory["counter"] if memory else None)
        self._node = Node(self._settings, memory["node"] if memory else None)
        self._inputs = {name: pins.Input(pins.INPUTS[name]) for name in self._node.watches}
        self._levels = {name: Debounced(self._level_at_start(name, memory)) for name in self._inputs}
        self._climate = Sht3x(pins.bus()) if "climate" in self._settings.fitted else None
        self._boot = pins.Input(pins.BOOT)
        self._boot_held = LongPress(LONG_PRESS_MS, LONGEST_PRESS_MS)
        self._radio = Radio(bluetooth.BLE())
        self._watchdog = machine.WDT(timeout=WATCHDOG_MS)
        self._window_until_ms = 0 if memory else _now_ms() + self._settings.window_s * 1000
        self._data = b""
        self._sealer: Sealer | None = None
        self._show()

    def tick(self) -> None:
        """Do what is to be done now."""
        now_ms = _now_ms()
        self._watchdog.feed()
        self._watch_boot(now_ms)
        levels = {name: self._levels[name].see(pin.level(), now_ms) for name, pin in self._inputs.items()}
        for kind, value in self._node.look(levels, now_ms):
            print("dropped", told(kind, value))
        if self._node.state_is_due(now_ms):
            self._node.say_state(self._measured(), now_ms)
        readings = self._node.bursts.next(now_ms)
        if readings is not None:
            number = self._counter.take()
            self._data = advert(readings, number, self._sealer)
            print("sent", number, *[told(kind, value) for kind, value in readings])
        self._advertise(now_ms)
        for what, written in self._radio.taken():
            self._configure(what, written, now_ms)
        self._sleep_deeply(now_ms)

    def _level_at_start(self, name: str, memory: "Memory | None") -> int:
        """What the pin says; after a deep sleep what it said before, or the change that ended the sleep."""
        if not memory:
            return self._inputs[name].level()
        before = memory["levels"][name]
        return 1 - before if machine.wake_reason() == machine.PIN_WAKE else before

    def _measured(self) -> "list[Reading]":
        readings = [pins.battery()]
        if self._climate is not None:
            try:
                readings += self._climate.measure()
            except OSError as error:  # silence is honest: its readings are then missed, and somebody looks
                print("climate:", error)
        return readings

    def _advertise(self, now_ms: int) -> None:
        in_window = now_ms < self._window_until_ms
        if self._radio.busy and not in_window:
            self._radio.dismiss()
        if in_window or not self._node.bursts.idle:
            self._radio.advertise(self._data, INTERVAL_MS, connectable=in_window)
        else:
            self._radio.cease()

    def _watch_boot(self, now_ms: int) -> None:
        mark = self._boot_held.look(self._boot.level(), now_ms)
        if mark == 1:
            print("window open")
            self._window_until_ms = now_ms + WINDOW_MS
        elif mark == 2:  # the counter stays: numbers never come twice, whatever the key
            print("forgetting settings and key")
            fitted, deep_sleep = self._settings.fitted, self._settings.deep_sleep
            fresh = settings.Settings({"fitted": fitted, "deep_sleep": deep_sleep})
            self._flash.write(settings.FILE, fresh.dump())
            machine.reset()

    def _configure(self, what: str, value: bytes, now_ms: int) -> None:
        answer = self._settings.take(what, value)
        print("written", answer)
        if answer.startswith("ok"):
            self._flash.write(settings.FILE, self._settings.dump())
            self._node.hurry(now_ms)
        self._show()
        self._radio.tell("answer", answer.encode())

    def _show(self) -> None:
        """Bring radio and cipher up to date with the settings."""
        key, name = self._settings.key, self._settings.name or self._radio.address.hex()
        self._sealer = None if key is None else Sealer(aes(key, _AES_ECB), self._radio.address)
        self._radio.call(name)
        self._radio.tell("name", name.encode())
        self._radio.tell("period", self._settings.period_s.to_bytes(2, "little"))
        self._radio.tell("key", b"")  # what was written is not left lying about

    def _sleep_deeply(self, now_ms: int) -> None:
        rest_ms = self._node.rest_ms(now_ms)
        # One pin can end the sleep on either of its changes; who has more to watch stays awake.
        allowed = self._settings.deep_sleep and len(self._inputs) <= 1
        busy = self._radio.busy or now_ms < self._window_until_ms or not self._node.bursts.idle
        if not allowed or busy or rest_ms < SLEEP_MIN_MS:
            return
        levels = {name: debounced.level for name, debounced in self._levels.items()}
        memory = {"counter": self._counter.kept, "node": self._node.kept, "levels": levels}
        machine.RTC().memory(json.dumps(memory).encode())
        self._radio.off()
        for name, pin in self._inputs.items():
            pin.wake(levels[name])
        print("asleep", rest_ms)
        machine.deepsleep(rest_ms)


def _recalled() -> "Memory | None":
    """What was remembered before a deep sleep; ``None`` after any other start."""
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:
        return None
    try:
        memory: Memory = json.loads(machine.RTC().memory())
    except ValueError:
        return None
    return memory


def _now_ms() -> int:
    """The node's clock: it goes on through deep sleep, and only differences count."""
    return time.time_ns() // 1_000_000


def main() -> None:
    """Run until the power goes; start anew after an error."""
    try:
        _run()
    except Exception as error:  # noqa: BLE001  # a node that hangs on a wall must come back by itself
        sys.print_exception(error)
    print("restarting in", RESTART_AFTER_S, "s")
    time.sleep(RESTART_AFTER_S)
    machine.reset()


def _run() -> None:
    """Run; return if the settings cannot be used, having said why."""
    flash = Flash()
    try:
        given = settings.load(flash.read(settings.FILE))
    except ValueError as error:  # a node that guessed would send in the clear, or from the wrong pin
        print(error)
        return
    board = Board(flash, given)
    while True:
        board.tick()
        time.sleep_ms(TICK_MS)


main()
