"""Homes in which an older person lives alone, drawn from a seed: what their sensors tell, and what is true.

Read ``generate.py`` first. Nothing here knows any detector, and no detector may be fitted to what is here:
**homes of even seeds are for tuning, homes of odd seeds for testing**, and whoever reports a figure says so.

The spreads are those of published measurements where there are some, wide where there are none:

* nights: 7.2 h of sleep, 80 % of people between 5.8 and 8.6 h, 39 min awake in between (Kurina 2015, actigraphy,
  739 Americans of 62-90); at least two visits to the toilet a night in 56 % of men over 65 (Lee 2012, KLoSHA);
* an early trip to the kitchen, then back to bed, on 4 of 30 mornings of one labelled home (CASAS);
* days: television 3 h 6 min, 37 min more from 85 on (Insee 2018); out of the home less on Sundays and in the cold,
  100 min a day being where the study divides its people (Rapp 2018, 1289 of 75 years on average);
* home care: 65 % of visits take 30 min (Access Group 2019), 14 % a quarter of an hour (Unison 2014);
* falls: 82 % alone, most alarms within reach not used (Fleming & Brayne 2008, over 90 years old); found helpless
  after less than an hour to more than three days (Gurley 1996);
* warmth: 43 % of monitored homes under 18 °C (Taking Care Sense);
* motion sensors: 15 lone pulses of about a second from 22 sensors in 83.5 h with nobody home; held for 1.1 s, and
  about 290 rows a sensor and day (CASAS). Battery ones hold for longer, which is drawn.

Emergencies, illness, absences and outages come many times more often than in life, so that a thousand days show
enough of them. Not modelled: pets, a second resident, the change to summer time (a home lives by UTC), a wrong clock.
"""

from hil_tests.living.generate import generate
from hil_tests.living.home import (
    Cause,
    Emergency,
    Fault,
    FaultKind,
    Label,
    LivedHome,
    Row,
    Sensor,
    Span,
    beats,
    known_ms,
)

__all__ = [
    "Cause",
    "Emergency",
    "Fault",
    "FaultKind",
    "Label",
    "LivedHome",
    "Row",
    "Sensor",
    "Span",
    "beats",
    "generate",
    "known_ms",
]
