"""The catalogue: which profile an advert belongs to, and what it then says. READ FIRST.

Most of what a flat's radio hears is nobody's sensor, so an advert that no profile claims costs a few
dictionary look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

from device_profiles.advert import Advert, full_uuid, short_uuid
from device_profiles.decode import Codec, codec
from device_profiles.errors import EncodeError, ProfileError
from device_profiles.field import Field
from device_profiles.gatt import Gatt
from device_profiles.model_file import parse_profile
from device_profiles.number import Float, Value
from device_profiles.outcome import UNKNOWN, Outcome, Reason, Status
from device_profiles.profile import Profile, Recognise, extend
from device_profiles.reading import Form, Reading

__all__ = ["Catalogue", "Outcome", "Reason", "Status"]


class _Candidate(NamedTuple):
    """A codec and what else the advert must show to be its."""

    codec: Codec
    wanted: Recognise


class Catalogue:
    """All profiles, ready to decode with."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        """Make the profiles ready.

        Raises:
            ProfileError: Two have the same name, or one extends a profile that is not there.
        """
        self._profiles = _completed(profiles)
        self._codecs = {name: codec(profile) for name, profile in self._profiles.items()}
        # By service data, company, listed service or name, whichever of them comes first in this order.
        self._index: dict[str | int, list[_Candidate]] = {}
        self._fields: dict[tuple[str, str], tuple[Field, ...]] = {}  # by model and kind, once asked for
        self._characteristics: dict[str, Gatt] = {}
        for name, profile in self._profiles.items():
            for wanted in profile.recognise:
                self._index.setdefault(_key(wanted), []).append(_Candidate(self._codecs[name], wanted))
            if profile.extends is None:  # else it says no more of a characteristic than what it extends
                self._index_characteristics(self._codecs[name])
        for candidates in self._index.values():
            candidates.sort(key=lambda one: (-_particular(one.wanted), one.wanted.service_data is None))

    @classmethod
    def load(cls, models: Iterable[str] | None = None) -> Catalogue:
        """Load the profiles that come with Lum.

        Args:
            models: Only these and what they extend: a hub that knows its sensors spares itself the
                others' time and memory. Names of models that do not come with Lum are passed over.

        Raises:
            ProfileError: A model file is faulty; names file and key.
        """
        return cls(bundled_profiles() if models is None else _with_bases(models))

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models, sorted."""
        return tuple(sorted(self._profiles))

    @property
    def services(self) -> tuple[str, ...]:
        """The services in whose data the models speak, as full UUIDs."""
        wanted = (one.service_data for profile in self._profiles.values() for one in profile.recognise)
        return tuple(sorted({full_uuid(service) for service in wanted if service}))

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
        if model is not None:
            told = self._codecs.get(model)
            return UNKNOWN if told is None else told.decode(advert, key)
        index = self._index
        for service in advert.service_data:
            if service in index and (found := self._among(index[service], advert, key)):
                return found
        for company in advert.manufacturer_data:
            if company in index and (found := self._among(index[company], advert, key)):
                return found
        for service in advert.service_uuids:
            if service in index and (found := self._among(index[service], advert, key)):
                return found
        name = advert.local_name
        if name is not None and name in index and (found := self._among(index[name], advert, key)):
            return found
        return UNKNOWN

    def decode_value(self, characteristic: str, data: bytes, model: str | None = None) -> Outcome:
        """Say what the value of a GATT characteristic says.

        Args:
            characteristic: Its 16-bit id (``"2a19"``) or full UUID.
            data: The value.
            model: The sensor's model, if the home says so; else any that knows the characteristic.

        Returns:
            The outcome; never an exception, whatever the bytes.
        """
        told = (
            self._codecs.get(model)
            if model is not None
            else self._characteristics.get(full_uuid(characteristic))
        )
        return told.decode_value(short_uuid(characteristic), data) if isinstance(told, Gatt) else UNKNOWN

    def product(self, words: str) -> str | None:
        """The model that stands for what is written on a box, or in somebody's records; ``None``: not known."""
        if words in self._profiles:
            return words
        return next((name for name, profile in self._profiles.items() if words in profile.products), None)

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
        fields = self._fields_of(model, kind)
        if exponent is not None:
            fields = tuple(field for field in fields if field.exponent == exponent)
        for field in fields:
            exact = _exact(value, field)
            if exact is not None and field.write(exact) is not None:
                return field.reading(exact, kind)
        if not fields:
            raise EncodeError(f"{model} has no kind {kind}.", hint="See the model's file for its kinds.")
        raise EncodeError(f"{model} cannot say {kind} = {value!r}.", hint="See the limits in its file.")

    def _fields_of(self, model: str, kind: str) -> tuple[Field, ...]:
        """Where a model says a kind: asked for again and again by simulated sensors, of few kinds."""
        known = self._fields.get((model, kind))
        if known is None:
            known = tuple(field for field in self.codec(model).fields if _named(kind, field))
            self._fields[model, kind] = known
        return known

    def _among(self, candidates: list[_Candidate], advert: Advert, key: bytes | None) -> Outcome | None:
        """What the first candidate says that the advert fits."""
        for candidate in candidates:
            if _fits(candidate, advert):
                return candidate.codec.decode(advert, key)
        return None

    def _index_characteristics(self, known: Codec) -> None:
        if isinstance(known, Gatt):
            for uuid in known.characteristics:
                self._characteristics.setdefault(full_uuid(uuid), known)

    def _no_model(self, model: str) -> ProfileError:
        return ProfileError(f"There is no model {model}.", hint=f"Known are: {', '.join(self.models)}.")


def bundled_profiles() -> tuple[Profile, ...]:
    """Read ``models/*.toml``; each file is named for its model.

    Raises:
        ProfileError: A model file is faulty; names file and key.
    """
    return tuple(_bundled(name) for name in _bundled_names())


@cache
def _bundled_names() -> tuple[str, ...]:
    files = (entry.name for entry in _models().iterdir())
    return tuple(sorted(file.removesuffix(".toml") for file in files if file.endswith(".toml")))


@cache
def _bundled(name: str) -> Profile:
    file = f"{name}.toml"
    profile = parse_profile(_models().joinpath(file).read_text("utf-8"), file)
    if profile.name != name:
        raise ProfileError(f"{file} describes {profile.name}.", hint="Name the file for its model.")
    return profile


def _models() -> Traversable:
    return resources.files(__package__).joinpath("models")


def _with_bases(models: Iterable[str]) -> tuple[Profile, ...]:
    """The profiles of these models, and of those that they extend."""
    found = {name: _bundled(name) for name in models if name in _bundled_names()}
    bases = {base: _bundled(base) for profile in found.values() if (base := profile.extends)}
    return tuple({**bases, **found}.values())


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


def _key(wanted: Recognise) -> str | int:
    """What an advert is looked up by."""
    if wanted.service_data is not None:
        return full_uuid(wanted.service_data)
    if wanted.company_id is not None:
        return wanted.company_id
    return full_uuid(wanted.service) if wanted.service is not None else wanted.name or ""


def _particular(wanted: Recognise) -> int:
    """How much a candidate asks for; who asks for more is tried first."""
    return sum(getattr(wanted, field) is not None for field in wanted.__struct_fields__)


def _fits(candidate: _Candidate, advert: Advert) -> bool:
    """Whether the advert is this candidate's."""
    wanted, name = candidate.wanted, advert.local_name or ""
    if wanted.name is not None and name != wanted.name:
        return False
    if wanted.name_prefix is not None and not name.startswith(wanted.name_prefix):
        return False
    if wanted.company_id is not None and wanted.company_id not in advert.manufacturer_data:
        return False
    if wanted.service is not None and full_uuid(wanted.service) not in advert.service_uuids:
        return False
    return candidate.codec.claims(advert)


def _named(kind: str, field: Field) -> bool:
    base, _, number = kind.rpartition("_")
    return kind == field.kind or (base == field.kind and number.isdigit())


def _exact(value: object, field: Field) -> Value | None:
    """Express a plain value as the field holds it; ``None`` if it is of another form."""
    if field.form is Form.TEXT:
        return value if isinstance(value, str) else None
    if field.form is Form.BOOLEAN:
        return int(value) if value in (True, False) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    if isinstance(value, int) and field.exponent == 0:
        return value if field.fixed_exponent else Float(value, 0)
    try:
        steps = int(Decimal(str(value)).scaleb(-field.exponent).to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, OverflowError, ValueError):
        return None
    return steps if field.fixed_exponent else Float(steps, field.exponent)
