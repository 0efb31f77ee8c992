"""Checking one model file beside those that there are: everything that stands between it and its sensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.faults import Fault, faults
from device_profiles.field_faults import BTHOME
from device_profiles.model_file import Mistake, located, mistakes, parse_profile
from device_profiles.outcome import Status
from device_profiles.profile import Profile, extend
from device_profiles.prove import decoded, heard_of, shortcomings


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a file, by line; and if nothing is, how many known answers and kinds it has."""

    mistakes: Sequence[Mistake]
    answers: int = 0
    kinds: int = 0


def check_model_file(text: str, stem: str, others: Callable[[], Sequence[Profile]]) -> Checked:
    """Check a model file.

    Args:
        text: Its content.
        stem: Its name without ``.toml``.
        others: Gives the profiles that it is to stand beside; only asked if the file makes sense by itself.

    Raises:
        ProfileError: The others cannot be used.
    """
    found: Sequence[Mistake] = mistakes(text)
    if found:
        return Checked(found)
    profile, beside = parse_profile(text, stem), others()
    found = located(text, list(_misplaced(profile, stem, beside)))
    if found:
        return Checked(found)
    catalogue = Catalogue([*beside, profile])
    wrong = [*shortcomings(catalogue, profile), *_taken_from_others(catalogue, profile, beside)]
    kinds = {field.kind for field in catalogue.codec(profile.name).fields}
    return Checked(located(text, wrong), len(profile.vectors), len(kinds))


def _misplaced(profile: Profile, stem: str, beside: Sequence[Profile]) -> Iterator[Fault]:
    """What is wrong with its name, and with what it takes over from another."""
    by_name = {other.name: other for other in beside}
    if profile.name in by_name:
        yield "name", f"there is a model {profile.name} already"
    elif profile.name != stem:
        yield "name", f"the model is {profile.name}, but the file {stem}: give both one name"
    if profile.extends is None:
        return
    bases = sorted(name for name, other in by_name.items() if _can_extend(profile, other))
    if profile.extends not in bases:
        yield "extends", f"it can extend {' or '.join(bases) or 'nothing'}, but not {profile.extends}"
        return
    yield from faults(msgspec.structs.replace(extend(profile, by_name[profile.extends]), extends=None))


def _can_extend(profile: Profile, base: Profile) -> bool:
    """A base stands alone, and is laid out alike; the objects of BTHome's versions are the same."""
    alike = base.layout is profile.layout or {base.layout, profile.layout} <= BTHOME
    return base.extends is None and alike


def _taken_from_others(catalogue: Catalogue, profile: Profile, beside: Sequence[Profile]) -> Iterator[Fault]:
    """Adverts that were another model's and are now taken for this one's."""
    for other in beside:
        for vector in other.vectors:
            heard = heard_of(other, vector)
            if vector.status == Status.DECODED.value and isinstance(heard, Advert):
                outcome = decoded(catalogue, vector, heard, None)
                if outcome.model == profile.name:
                    yield "recognise", f'it takes what is {other.name}\'s: "{vector.title}"'
                    break
