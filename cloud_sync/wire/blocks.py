"""Which block of contexts learns what, and what each knows beforehand. ``SPEC.md`` ("Coder") has the same table."""

from __future__ import annotations

from typing import Final

from cloud_sync.wire.coder import BLOCK, contexts

# Blocks 0 to 6 are the spreads of numbers.
TEXT_LENGTH: Final = 7
NOISE: Final = 8  # 8 to 11
SKIP: Final = 12
GAP: Final = 13  # before an event that is zero; 14 before any other
FIRST_TIME: Final = 15  # of a periodic track; 16 of events
ROWS: Final = 17  # of a periodic track; 18 of events
FIRST_VALUE: Final = 19
SPANS: Final = 20
SPAN: Final = 21
AGE: Final = 22
_QUESTIONS: Final = 23

INCOMPLETE: Final = _QUESTIONS * BLOCK  # does the row lack a quantity?
TOGGLED: Final = INCOMPLETE + 1  # for the first quantity of a track, + 1 for the others
NOT_TWO_STATE: Final = INCOMPLETE + 3
SAME_TEXT: Final = INCOMPLETE + 4
ANY_TOLD: Final = INCOMPLETE + 5
TOLD: Final = INCOMPLETE + 6
BROKEN: Final = INCOMPLETE + 7
AGAIN: Final = INCOMPLETE + 8

# Learnt from recorded homes; they save a tenth of a small batch and cost nothing where they are wrong.
FRESH: Final = contexts(
    (
        "BFbeHB",
        "MNYjSckRGB",
        "bbjiQdTRE",
        "1w1nqgPLDB",
        "yq0nsmULCIJ",
        "uozmwykPELNO",
        "+9+m12rZFBB",
        "....7777QQ",
        "LPGBFTSKC",
        "+/+f360lREE5//v2K",
        "///.i961maw////nI",
        "///.f///+//30mSVUB",
        "JQQBMIDVw",
        "....///+++////lZMJE",
        "..../////////341zvr",
        "....7/972r//+8/971o",
        "..../////////9+9977",
        "..../+f/yH0/B",
        "....V3xtpebSI",
        "....s8+73yodVBtxmB",
        "....zHMM",
        "....wyyyyyyyyyyyyyy",
        "....vEBf",
        "C/BB.4iBm",
    )
)
