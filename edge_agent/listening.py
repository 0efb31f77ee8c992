"""How commands listen: along with the running hub, or through the radio where none runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

from device_profiles.advert import Advert
from edge_agent.adapters import tap
from edge_agent.adapters.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.errors import NoHubError

RESTART_WAIT_S = 5.0  # a hub that ended while we listened usually comes back: it has other sensors
ASK_EVERY_S = 0.2


async def listen_for(
    config: HubConfig,
    hear: Callable[[Advert], None],
    for_s: float,
    *,
    done: Callable[[], bool] = lambda: False,
    show: Callable[[], None] = lambda: None,
) -> None:
    """Hear every advert for ``for_s`` seconds, or until ``done()`` or Ctrl-C; ``show()`` is called now and then.

    Raises:
        RadioError: no hub runs, and there is no Bluetooth to use.
        ConfigError: no hub runs, and the configured transport is none.
        TapError: the hub refuses.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + for_s
    listening = asyncio.create_task(_listen(config, hear))
    loop.add_signal_handler(signal.SIGINT, listening.cancel)
    try:
        while loop.time() < end_s and not listening.done() and not done():
            await asyncio.wait({listening}, timeout=ASK_EVERY_S)
            show()
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def _listen(config: HubConfig, hear: Callable[[Advert], None]) -> None:
    clock, loop = Clock(), asyncio.get_running_loop()
    waited_until_s = loop.time()
    while True:
        try:
            await tap.listen(config.socket, hear, clock.boot_ms)
        except NoHubError:
            if loop.time() >= waited_until_s:
                break
            await asyncio.sleep(ASK_EVERY_S)
        else:
            waited_until_s = loop.time() + RESTART_WAIT_S
    from edge_agent.adapters.radio import Radio  # noqa: PLC0415 - beside a running hub no radio is opened

    settings = config.radio
    radio = Radio(
        hear,
        boot_ms=clock.boot_ms,
        transport=settings.transport,
        adapter=settings.adapter,
        active=settings.active,
    )
    await radio.run()
