"""The language table of the page "Whisper streaming"."""

from transcribe_cli.protocol.languages import (
    PRO_LANGUAGES,
    SIX_LANGUAGES,
    WHISPER_LANGUAGES,
    language_name,
)

CODES = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr
ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc
pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue
zh
"""


def test_whisper_knows_exactly_the_hundred_codes_of_its_page() -> None:
    assert list(WHISPER_LANGUAGES) == CODES.split()
    assert len(WHISPER_LANGUAGES) == 100


def test_every_language_has_a_name_of_its_own() -> None:
    assert len(set(WHISPER_LANGUAGES.values())) == len(WHISPER_LANGUAGES)
    assert all(name.strip() for name in WHISPER_LANGUAGES.values())


def test_every_code_that_a_model_takes_has_a_name() -> None:
    assert not [code for code in (*PRO_LANGUAGES, *SIX_LANGUAGES) if language_name(code) == code]


def test_unknown_code_is_its_own_name() -> None:
    assert language_name("tlh") == "tlh"
