"""The three-letter codes by which media files name languages, for the codes that models report.

Source: the Library of Congress, "Codes for the Representation of Names of Languages". If a language
has two codes, Matroska uses the bibliographic one and MP4 the terminological one. QuickTime numbers
languages, and ffmpeg knows each number by only one of the two.
"""

_OF_QUICKTIME = frozenset(["ces", "fra", "ron", "slk"])

_CODES = dict(
    pair.split(":")
    for pair in """
af:afr am:amh ar:ara as:asm az:aze ba:bak be:bel bg:bul bn:ben bo:tib/bod br:bre bs:bos ca:cat
cs:cze/ces cy:wel/cym da:dan de:ger/deu el:gre/ell en:eng es:spa et:est eu:baq/eus fa:per/fas fi:fin
fo:fao fr:fre/fra gl:glg gu:guj ha:hau haw:haw he:heb hi:hin hr:hrv ht:hat hu:hun hy:arm/hye id:ind
is:ice/isl it:ita ja:jpn jw:jav ka:geo/kat kk:kaz km:khm kn:kan ko:kor la:lat lb:ltz ln:lin lo:lao
lt:lit lv:lav mg:mlg mi:mao/mri mk:mac/mkd ml:mal mn:mon mr:mar ms:may/msa mt:mlt my:bur/mya ne:nep
nl:dut/nld nn:nno no:nor oc:oci pa:pan pl:pol ps:pus pt:por ro:rum/ron ru:rus sa:san sd:snd si:sin
sk:slo/slk sl:slv sn:sna so:som sq:alb/sqi sr:srp su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha
tk:tuk tl:tgl tr:tur tt:tat uk:ukr ur:urd uz:uzb vi:vie xh:xho yi:yid yo:yor yue:chi/zho zh:chi/zho
zu:zul
""".split()
)


def iso_639_2(code: str | None, container: str) -> str | None:
    """The code for a container (`matroska`, `mp4`, `mov`); None for an unknown language.

    >>> iso_639_2("de", "matroska"), iso_639_2("de", "mp4"), iso_639_2("en_us", "mp4")
    ('ger', 'deu', 'eng')
    """
    base = (code or "").lower().replace("_", "-").partition("-")[0]
    bibliographic, _, terminological = _CODES.get(base, "").partition("/")
    if container == "mp4" or (container == "mov" and terminological in _OF_QUICKTIME):
        return terminological or bibliographic or None
    return bibliographic or None
