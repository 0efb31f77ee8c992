"""The catalogue: which profile an advert belongs to, and what it then says. READ FIRST.

Most of what a flat's radio hears is nobody's sensor, so an advert that no profile claims costs two
dictionary look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import NamedTuple

from device_profiles.advert import Advert, full_uuid
from device_profiles.decode import Codec, codec
from device_profiles.errors import EncodeError, ProfileError
from device_profiles.field import Field
from device_profiles.outcome import UNKNOWN, Outcome, Reason, Status
from device_profiles.profile import Profile, extend, parse_profile
from device_profiles.reading import Form, Reading

__all__ = ["Catalogue", "Outcome", "Reason", "Status"]


class _Candidate(NamedTuple):
    """A codec and what else the advert must show to be its."""

    codec: Codec
    name_prefix: str | None
    company_id: int | None


class Catalogue:
    """All profiles, ready to decode with."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        """Make the profiles ready.

        Raises:
            ProfileError: Two have the same name, or one extends a profile that is not there.
        """
        self._profiles = _completed(profiles)
        self._codecs = {name: codec(profile) for name, profile in self._profiles.items()}
        self._by_service: dict[str, list[_Candidate]] = {}
        self._by_company: dict[int, list[_Candidate]] = {}
        for name, profile in self._profiles.items():
            wanted = profile.recognise
            candidate = _Candidate(self._codecs[name], wanted.name_prefix, wanted.company_id)
            if wanted.service_data is not None:
                self._by_service.setdefault(full_uuid(wanted.service_data), []).append(candidate)
            elif wanted.company_id is not None:
                self._by_company.setdefault(wanted.company_id, []).append(candidate)
        for candidates in (*self._by_service.values(), *self._by_company.values()):
            candidates.sort(key=lambda one: (one.name_prefix is None) + (one.company_id is None))

    @classmethod
    def load(cls) -> Catalogue:
        """Load the profiles that come with Lum.

        Raises:
            ProfileError: A model file is faulty; names file and key.
        """
        return cls(bundled_profiles())

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models, sorted."""
        return tuple(sorted(self._profiles))

    def profile(self, model: str) -> Profile:
        """The profile of a model.

        Raises:
            ProfileError: There is none of this name.
        """
        try:
            return self._profiles[model]
        except KeyError as error:
            raise self._no_model(model) from error

    def codec(self, model: str) -> Codec:
        """The codec of a model.

        Raises:
            ProfileError: There is none of this name.
        """
        try:
            return self._codecs[model]
        except KeyError as error:
            raise self._no_model(model) from error

    def decode(self, advert: Advert, key: bytes | None = None, model: str | None = None) -> Outcome:
        """Say what an advert says.

        Args:
            advert: What was heard.
            key: The sensor's bindkey (16 bytes), if it was given one; it is then believed only
                when it encrypts.
            model: The sensor's model, if the home says so; else it is found from the advert.

        Returns:
            The outcome; never an exception, whatever the bytes.
        """
        for service, data in advert.service_data.items():
            for candidate in self._by_service.get(service, ()):
                if _fits(candidate, advert, data, model):
                    return candidate.codec.decode(data, advert.address, key)
        for company, data in advert.manufacturer_data.items():
            for candidate in self._by_company.get(company, ()):
                if _fits(candidate, advert, data, model):
                    return candidate.codec.decode(data, advert.address, key)
        return UNKNOWN

    def reading(self, model: str, kind: str, value: object, exponent: int | None = None) -> Reading:
        """Make a reading as this model would, from a plain value.

        Args:
            model: A name in ``models``.
            kind: One of its kinds; may be numbered (``button_2``).
            value: A number (rounded to the sensor's resolution), a boolean or a text.
            exponent: Ask for the field of this resolution, where the model has several.

        Raises:
            ProfileError: No such model.
            EncodeError: No such kind, or a value that it cannot carry.
        """
        fields = [field for field in self.codec(model).fields if _named(kind, field)]
        if exponent is not None:
            fields = [field for field in fields if field.exponent == exponent]
        for field in fields:
            exact = _exact(value, field)
            if exact is not None and field.plausible(exact) and field.write(exact) is not None:
                return field.reading(exact, kind)
        if not fields:
            raise EncodeError(f"{model} has no kind {kind}.", hint="See the model's file for its kinds.")
        raise EncodeError(f"{model} cannot say {kind} = {value!r}.", hint="See the limits in its file.")

    def _no_model(self, model: str) -> ProfileError:
        return ProfileError(f"There is no model {model}.", hint=f"Known are: {', '.join(self.models)}.")


@cache
def bundled_profiles() -> tuple[Profile, ...]:
    """Read ``models/*.toml``.

    Raises:
        ProfileError: A model file is faulty; names file and key.
    """
    folder = resources.files(__package__).joinpath("models")
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name
    )
    return tuple(parse_profile(entry.read_text("utf-8"), entry.name) for entry in files)


def _completed(profiles: Iterable[Profile]) -> dict[str, Profile]:
    """Key the profiles by name, each with what it takes over from another."""
    by_name: dict[str, Profile] = {}
    for profile in profiles:
        if profile.name in by_name:
            raise ProfileError(f"Two profiles are named {profile.name}.", hint="Rename one.")
        by_name[profile.name] = profile
    for name, profile in by_name.items():
        if profile.extends is None:
            continue
        base = by_name.get(profile.extends)
        if base is None or base.extends is not None:
            raise ProfileError(
                f"{name}: `extends` names {profile.extends}, which is no model that stands alone.",
                hint="Correct the file.",
            )
        by_name[name] = extend(profile, base)
    return by_name


def _fits(candidate: _Candidate, advert: Advert, data: bytes, model: str | None) -> bool:
    """Whether the advert is this candidate's; what the home says outweighs how it looks."""
    if model is not None:
        return candidate.codec.model == model
    prefix, company = candidate.name_prefix, candidate.company_id
    if prefix is not None and not (advert.local_name or "").startswith(prefix):
        return False
    if company is not None and company not in advert.manufacturer_data:
        return False
    return candidate.codec.claims(data)


def _named(kind: str, field: Field) -> bool:
    base, _, number = kind.rpartition("_")
    return kind == field.kind or (base == field.kind and number.isdigit())


def _exact(value: object, field: Field) -> int | str | None:
    """Express a plain value as the field holds it; ``None`` if it is of another form."""
    if field.form is Form.TEXT:
        return value if isinstance(value, str) else None
    if field.form is Form.BOOLEAN:
        return int(value) if value in (True, False) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    try:
        steps = Decimal(str(value)).scaleb(-field.exponent)
        return int(steps.to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, OverflowError, ValueError):
        return None
