"""What speaks for and against a decoding: is the result common text of the encoding's script?

A multi-byte decoder accepts much of what was written in another encoding, but what it makes of it
is not language: Korean read as GB18030 is hanzi nobody uses. So each encoding is judged by the
share of frequent characters in what it decodes to, less the share of strange ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache

SAMPLE = 1 << 16
"""Characters that are looked at; the frequent ones repeat long before that."""
CONTEXT = 200
"""Characters before the first beyond ASCII that are looked at too."""
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
NO_TEXT = frozenset(("Cc", "Co", "Cn", "Cs"))
"""Unicode categories of no text in a national encoding: control, private, unassigned, surrogate."""

# Frequent characters of general and technical text. A longer list does not help: what counts is
# that text misread in another encoding hits one in ten of them and real text three in four.
HANZI = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情"
    "明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给"
    "世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太"
    "量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象"
    "完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运请需参例错误码包类型字符参考默"
    "认配置文件返返值模型函数依赖项目步骤查找版本更新安装支持服务网络页链接图片编写读取输入输出选择使用单元测试注释简介"
)
KANJI = frozenset(
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米"
    "力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都"
    "和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際査"
    "勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変打男基私各始島"
    "直両朝革価式確村提運終挙果西勢減台広容必応演電歳住争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁状工建語球営空職証"
    "土与急止送援供可役構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導鮮備宅害配副算視条幹独警宮"
    "究育席輸訪楽起万着乗店述残想線率病農州武声質念待試族象銀域助労例衛然早張映限親額監環験追審商葉義伝働形景落欧担好退準賞訴辺"
    "造英被株頭技低毎医復仕去姿味負閣韓渡失移差衆個門写評課末守若脳極種美岡影命含福蔵量望松非撃佐核観察整段横融型白深字答夜製票"
)
KANA = frozenset(map(chr, (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB), 0x30FC, 0x3005)))
HANGUL = frozenset(
    "이다는의에을가를은한하고지로기사도어서리나자있대해인아시수그일정들여만부스보주전라장제것상구과성으원니않게적동안말모면아내비경우"
    "위무생소공국되거용연선유조등개방신때년실력물요였회했중학관세교처음문제미진입발현간할당표까오없결계심운체화분본같저통트터각반및업예"
    "설명드크파타임코즈포함습데될된떤려른모두바버변산새속습식약양였예와왔왜외우울움월으은음응의임잘재져좀종준즉직질집찾처청추출치친"
    "쿼택테토특편필합항행향형호확환활황후히형값객검격견결급길께남너넣느능니단답더던덕돌득든따뜻란래량러런레려력령록론료루류르른름릭릴림"
    "맞매머먼메며명몇목못문민밀및바박받발밝방배백번범법별보복부분불브블빠사살삼색생석선섭성셀셋션수순숨슨실싶써아악안알암앞애야약"
)


@dataclass(frozen=True, slots=True)
class Script:
    """An encoding to try, and what its text is made of when the decoding is right."""

    encoding: str
    frequent: frozenset[str]
    table: str
    """The national table, an EUC encoding, whose rows up to `last_row` hold the usual letters."""
    last_row: int


# Leading bytes up to last_row: level 1 of GB 2312 and of JIS X 0208, the hangul of KS X 1001.
SCRIPTS = (
    Script("gb18030", HANZI, "gb2312", 0xD7),
    Script("cp932", KANJI | KANA, "euc_jp", 0xCF),
    Script("euc_jp", KANJI | KANA, "euc_jp", 0xCF),
    Script("cp949", HANGUL, "euc_kr", 0xC8),
)


@cache
def usual_letters(table: str, last_row: int) -> frozenset[str]:
    """The letters in rows 0xB0 to last_row of an EUC table: all that everyday text needs."""
    cells = (bytes((row, cell)) for row in range(0xB0, last_row + 1) for cell in range(0xA1, 0xFF))
    return frozenset("".join(cell.decode(table, "ignore") for cell in cells))


@cache
def known_letters() -> frozenset[str]:
    """The usual letters of all SCRIPTS together."""
    tables = (usual_letters(script.table, script.last_row) for script in SCRIPTS)
    return frozenset().union(*tables, *(script.frequent for script in SCRIPTS))


def sample(text: str) -> str:
    """A stretch of at most SAMPLE characters that has all the text beyond ASCII, or its start."""
    first = BEYOND_ASCII.search(text)
    start = max(0, first.start() - CONTEXT) if first else 0
    return text[start : start + SAMPLE]


def score(text: str, script: Script) -> float:
    """From -1 (nothing of the script) to 1 (all frequent) over the letters beyond ASCII.

    Punctuation and symbols say nothing: the national tables share them. A control character, an
    unassigned code or one for private use is no text at all, and gives -1 at once.
    """
    usual = usual_letters(script.table, script.last_row)
    total = points = 0
    for character, count in Counter("".join(BEYOND_ASCII.findall(sample(text)))).items():
        category = unicodedata.category(character)
        if category in NO_TEXT:
            return -1.0
        if category[0] != "L":
            continue
        total += count
        if character in script.frequent:
            points += count
        elif character not in usual:
            points -= count
    return points / total if total else 0.0


def known_share(text: str) -> float:
    """The share of `text` in alphabets, ASCII and the usual letters of SCRIPTS; -1 if no text.

    Tells the byte orders of UTF-16 apart: swapped, ASCII and Cyrillic are rare hanzi.
    """
    total = points = 0
    for character, count in Counter(sample(text)).items():
        if character > "\x7f" and unicodedata.category(character) in NO_TEXT:
            return -1.0
        total += count
        usual = (
            character < "\u0e80" or "\u2010" <= character < "\u2070" or character in known_letters()
        )
        points += count if usual or unicodedata.east_asian_width(character) == "F" else 0
    return points / total if total else 0.0
