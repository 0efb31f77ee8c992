"""Hub half of settings: which one this hub goes by, and what it says of it. Pure.

A setting is taken only if it is this session's, meant for this hub, and newer than the one in force; whatever else comes,
the last good one holds. The caller has checked the signature, and makes a setting durable before it is gone by.
"""

from __future__ import annotations

from cloud_sync.wire.setting import VERSION, Pause, Setting, Taken


class Heeding:
    """What one hub leaves out."""

    def __init__(
        self,
        site: str,
        hub: str,
        setting: Setting | None = None,
        own: tuple[Pause, ...] = (),
    ) -> None:
        self._site, self._hub = site, hub
        self.setting = setting
        self.own = own  # asked for at the hub itself

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """All that are known, the hub's own too, whether in force or not."""
        return (*(self.setting.pauses if self.setting else ()), *self.own)

    @property
    def made_ms(self) -> int:
        """It is later than this, by the site's clock; 0 if no setting says so."""
        return self.setting.made_ms if self.setting else 0

    def refusal(self, setting: Setting, session: bytes) -> str:
        """Code of what keeps a setting from being taken; empty: it may be. The same one again may."""
        if (setting.site, setting.hub, setting.session) != (self._site, self._hub, session):
            return "setting-not-believed"
        held = self.setting
        if held is None or setting.number > held.number:
            return ""
        return "" if (setting.number, setting.pauses) == (held.number, held.pauses) else "setting-replayed"

    def account(self, session: bytes, counter: int, refused: str) -> Taken:
        """What this hub goes by, for the site."""
        number, pauses = (self.setting.number, self.setting.pauses) if self.setting else (0, ())
        return Taken(VERSION, self._site, self._hub, session, counter, number, pauses, self.own, refused)
