"""The README's way to a new model is true: its file, step by step, says what is printed there."""

from __future__ import annotations

import re
from importlib import resources

from device_profiles.catalogue import Catalogue, bundled_profiles
from device_profiles.check import check_model_file
from device_profiles.model_file import parse_profile
from device_profiles.profile import Profile

README = resources.files("device_profiles").joinpath("README.md").read_text("utf-8")
DRAFT, ANSWER = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
TYPED = DRAFT.replace("exponnet", "exponent")
SCALED = TYPED.replace("exponent = -3", "scale = 5, exponent = -3")
WHOLE = SCALED.rstrip().removesuffix("]") + ANSWER + "]\n"


def others() -> list[Profile]:
    """The bundled models as they were before."""
    return [profile for profile in bundled_profiles() if profile.name != "xiaomi_scale"]


def told(text: str) -> list[str]:
    """What ``lum-hub profiles check`` prints for it."""
    found = check_model_file(text, "xiaomi_scale", others).mistakes
    return [f"xiaomi_scale.toml:{mistake.line}: {mistake.sentence}" for mistake in found]


def test_each_draft_is_told_what_is_printed() -> None:
    """First a typing error, then two mistakes, then none."""
    printed = re.findall(r"^xiaomi_scale\.toml:.*$", README, re.MULTILINE)

    assert [*told(DRAFT), *told(TYPED)] == printed
    assert check_model_file(WHOLE, "xiaomi_scale", others).mistakes == []


def test_a_second_frame_that_passes_for_the_first_is_told() -> None:
    """The newer scale's frame, in the same file, is cut to the length of the old one's."""
    frame = """
      { length = 13, fields = [
        { at = 11, kind = "weight", type = "uint16", scale = 5, exponent = -3, unit = "kg", most = 200 },
        { at = 1, kind = "stabilized", type = "boolean", mask = 0x20 },
      ] },
    """
    vector = """
      { title = "the newer", payload = "", service_data = { 181b = "0226b20705040f0201ac018642" }, status = "decoded",
        readings = [{ kind = "weight", value = 85.15, unit = "kg" }, { kind = "stabilized", value = true }] },
    """.replace("\n        readings", " readings")
    both = WHOLE.replace("frames = [", f"frames = [{frame}").replace("vectors = [", f"vectors = [{vector}")
    both = both.replace(
        '[{ service_data = "181d" }]', '[{ service_data = "181d" }, { service_data = "181b" }]'
    )

    found = check_model_file(
        both, "xiaomi_scale", lambda: [other for other in others() if other.name != "xiaomi_body_scale"]
    )

    assert [mistake.sentence for mistake in found.mistakes] == re.findall(r"^In `.*$", README, re.MULTILINE)


def test_the_bundled_file_says_no_less_than_the_readmes() -> None:
    """The model as it is now grew from the one that is shown."""
    shown, bundled = Catalogue([parse_profile(WHOLE, "shown")]), Catalogue.load()
    kinds = {field.kind for field in shown.codec("xiaomi_scale").fields}

    assert kinds <= {field.kind for field in bundled.codec("xiaomi_scale").fields}
