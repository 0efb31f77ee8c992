"""Which class of data a reading is of, and a home narrowed to the classes that somebody may see. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from cloud_sync.assurance.finding import Answer
from cloud_sync.assurance.plan import Question
from cloud_sync.receiver.store.homes import Home, Sensor
from zero_trust.request import DataClass

# First words of kinds (``button_left``, ``temperature_probe_2``); a kind that is not here is OTHER, which is
# rarely agreed to: better a value too few than one that tells what nobody agreed to tell.
_KINDS = {
    DataClass.ALERT: "button carbon_monoxide gas heat leak low_temperature problem pry safety smoke tamper",
    DataClass.ACTIVITY: (
        "acceleration armed count cube dimmer direction distance door garage_door gyroscope knock light lock"
        " motion movements moving no_motion noise occupancy opening pitch plug power presence roll rotation"
        " running sensor_contact sound speed vibration window"
    ),
    DataClass.CLIMATE: (
        "co2 cold dew_point formaldehyde humidity illuminance light_level moisture pm10 pm25 precipitation"
        " pressure remote_humidity remote_temperature temperature tvoc uv_index voc_index"
    ),
    DataClass.HEALTH: (
        "asleep bed_occupancy bmi cuff_pressure diastolic heart_rate impedance mass mean_arterial_pressure"
        " pulse skin_temperature snoring spo2 systolic toothbrush wearing weight"
    ),
    DataClass.UPKEEP: "battery charging connectivity firmware_version remote_battery uptime voltage",
}
_ASKED = {
    Question.HELP: DataClass.ALERT,
    Question.HAZARD: DataClass.ALERT,
    Question.WARM: DataClass.CLIMATE,
}
_CLASS_OF = {word: data for data, words in _KINDS.items() for word in words.split()}
_OF_SUBJECTS = {question.value: _ASKED.get(question, DataClass.ACTIVITY) for question in Question}


def class_of(kind: str) -> DataClass:
    """The class of a kind of reading, by the longest beginning of it that is known."""
    words = kind.split("_")
    beginnings = ("_".join(words[:end]) for end in range(len(words), 0, -1))
    return next((_CLASS_OF[one] for one in beginnings if one in _CLASS_OF), DataClass.OTHER)


def narrowed(home: Home, classes: AbstractSet[DataClass]) -> Home:
    """The home without values, answers and incidents that are of none of ``classes``."""
    return replace(
        home,
        sensors=tuple(_narrowed(sensor, classes) for sensor in home.sensors),
        asked=tuple(
            one
            if class_of_subject(one.stretch.question.value) in classes
            else replace(one, answer=Answer.OPEN, evidence="")
            for one in home.asked
        ),
        incidents=tuple(one for one in home.incidents if class_of_subject(one.subject) in classes),
        ended=tuple(one for one in home.ended if class_of_subject(one.subject) in classes),
        explanations=tuple(
            one if DataClass.ACTIVITY in classes else replace(one, evidence="") for one in home.explanations
        ),
    )


def class_of_subject(subject: str) -> DataClass:
    """What a question's answer tells of; how well it is watched is the home's state, like what we have to say of ourselves."""
    return _OF_SUBJECTS.get(subject, DataClass.STATE)


def _narrowed(sensor: Sensor, classes: AbstractSet[DataClass]) -> Sensor:
    return replace(
        sensor,
        values=tuple(value for value in sensor.values if class_of(value.kind) in classes),
        doubted=tuple(value for value in sensor.doubted if class_of(value.kind) in classes),
    )
