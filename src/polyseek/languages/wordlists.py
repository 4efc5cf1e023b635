"""Words that say no, and words that say a small number, in the larger languages."""

from __future__ import annotations

import re

NUMBER_WORDS = {
    number: re.compile(words, re.I)
    for number, words in {
        "0": r"\b(zero|null|cero|zéro|нол|нул)|零|ゼロ|영\b|없",
        "2": r"\b(two|twice|twofold|both|double|second|pair|couple|febr|févr|feb\b|феврал|"
        r"zwei|beide|doppel|dos\b|ambos|"
        r"ambas|segund|doble|par\b|deux|second|double|paire|дв[аеу]|оба|обе|втор|пар[ауы]|due|"
        r"dois|"
        r"duas)|二|两|兩|双|雙|両|둘|두 |두번|이중|양쪽",
        "3": r"\b(three|third|triple|march\b|märz|marzo|março|mars\b|март|drei|dritt|tres\b|"
        r"tercer|trois|trois|тр[иеё]|трет|tre\b|três)|"
        r"三|세 |셋|삼|세번",
        "4": r"\b(four|fourth|vier|cuatro|cuart|quatr|четыр|четв|quattro|april|abril|avril|апрел)|"
        r"四|네 |넷|사\b",
        "5": r"\b(five|fifth|fünf|cinco|quint|cinq|пят|cinque|may\b|mai\b|mayo\b|ма[йя]\b)|五|"
        r"다섯|오\b",
        "6": r"\b(six|sechs|seis|sext[oa]|шест|sei\b|june?\b|juni\b|junio\b|juin\b|июн[ья])|六|"
        r"여섯|육",
        "7": r"\b(seven|sieb|siete|sept|сем|sette|sete|july?\b|juli\b|julio\b|juillet|"
        r"июл[ья])|七|일곱|칠",
        "8": r"\b(eight|acht|"
        r"ocho|octav|huit|вос[еь]м|otto|oito|august|agosto|août|август)|八|여덟|팔",
        "9": r"\b(nine|ninth|neun|nueve|noven|neuf|девят|nove\b|septemb|septiemb|setemb|"
        r"сентябр)|九|아홉|구\b",
        "10": r"\b(ten\b|tens\b|tenth|zehn|diez|décim[oa]|dix\b|dixi|десят|dieci|dez\b|"
        r"o[ck]tob|octub|outub|октябр)|十|열 |십",
        "11": r"\b(eleven|elf\b|elft|onze|одиннадц|undici|novemb|noviemb|ноябр)|十一|열한|십일",
        "12": r"\b(twel|dozen|zwölf|dutzend|doce|douz|двенадц|dodici|doze\b|de[cz]emb|diciemb|"
        r"décemb|dezemb|декабр)|十二|열두|십이",
        "20": r"\b(twent|zwanzig|veint|vingt|двадц)|二十|이십|스무",
        "50": r"\b(fifty|half|fünfzig|hälfte|cincuent|mitad|cinquant|moiti|пятьдес|половин)|半|"
        r"五十|반",
        "100": r"\b(hundred|hundert|cien|cent\b|сто\b|сот)|百|백",
        "1000": r"\b(thousand|tausend|mil\b|mille|тысяч)|千|천",
    }.items()
}
"""A number -> what says it in words, as part of another word or a date too."""

_NEGATION = {
    "en": (
        r"\b(no|not|never|none|nothing|nobody|nowhere|nor|neither|cannot)\b|n['’]t\b",
        r"\bnot (only|just|to mention|necessarily)\b|\bno (matter|longer|problem)\b|\b(if|why|"
        r"or) not\b|"
        r"n['’]t (forget|worry|have to|need to|mind)\b|\bno,|[^.]*\?",
        r"\b(without|only|instead|rather|avoid|skip|little|few|rare|hard|deprecat|miss|less|"
        r"except|"
        r"alone|fail|lack|prevent|ignor|otherwise|stop|differ|rather|unless|un(?!i|der|"
        r"til)\w{5}|in(correct|"
        r"valid|compat|efficient|dep)|disab|impossib|non\b|mere|exclud|omit|optional|"
        r"hide|hidden|against|forbid|refus|reject|just|apart|remov|drop|leav|"
        r"beyond|anyway|regardless|whatever|although|though|insens)",
    ),
    "de": (
        r"\b(nicht|nichts|kein\w*|nie|niemals|niemand|nirgends|weder)\b",
        r"\bkein problem\b|\bnicht (nur|bloß|mehr|unbedingt)\b|\bnicht vergessen\b|[^.]*\?",
        r"\bohne|\bun(?!ter|ser|ten|d\b|s\b|iv|iq)\w{5}|\bnur\b|\bstatt|anstatt|vermeid|"
        r"überspring|wenig|kaum|selten|veralte|deprecat|"
        r"fehlt|fehlend|außer|allein|verhinder|ignor|sonst|statt|optional|lediglich|bloß|egal|"
        r"missf|schwer|schwierig",
    ),
    "es": (
        r"\b(no|nunca|ning[uú]n\w*|nada|tampoco|nadie)\b",
        r"\bno (solo|sólo|solamente|obstante|necesariamente)\b|¿[^?]*\?|\bno olvid\w+|\b(si|"
        r"o) no\b",
        r"\bsin\b|\bni\b|sol[oa]|sólo|\ben (lugar|vez)\b|evit|poc[oa]|\brar|apenas|deprecad|"
        r"obsolet|falt|"
        r"menos|excepto|salvo|fall|impid|ignor|contrario|distint|diferent|in(correct|válid|"
        r"útil|neces|compat|sufic|defin)\w*|desact|desconoc|deshab|opcional|"
        r"omit|salta|demasiad|difícil|imposib",
    ),
    "fr": (
        r"\bn(e\b|['’])|\b(pas|aucun\w*|jamais|rien)\b",
        r"\bn['’]importe\b|\bpas mal\b|\b(non|pas) seulement\b|\bqu['’]il n['’]y para[iî]t|"
        r"\bavant que\b[^.,;:]*|\bn(e |['’])oubli\w+ pas\b|\bn(e |['’])[^.,;:]*?\bque\b|[^.]*\?|"
        r"\bne (plus|soit|serait)\b|\bsi ce n['’]est\b|\bpourquoi pas\b|\bpas à pas\b",
        r"n['’]importe|\bsans\b|\bni\b|\bnon\b|seul|au lieu|plutôt|évit|peu\b|rare|à peine|"
        r"dépréci|obsol|manqu|moins|"
        r"sauf|échou|empêch|ignor|sinon|différ|in(correct|valid|util|compat|suffis|connu|"
        r"exist)\w*|impossib|désact|optionnel|facultati|omet|saut|fini|difficile|mal\b|"
        r"trop|simplement|uniquement",
    ),
    "pt": (
        r"\b(não|nunca|nenhum\w*|nada|jamais|ninguém|tampouco)\b",
        r"\bnão (só|somente|apenas)\b|[^.]*\?",
        r"\bsem\b|\bnem\b|só|somente|apenas|em vez|evit|pouc|raro|falt|menos|exceto|falh|"
        r"imped|ignor|"
        r"diferent|inv[áa]lid|incorret|desativ|opcional",
    ),
    "it": (
        r"\b(no|non|mai|nessun\w*|niente|nulla|neanche)\b",
        r"\bnon (solo|soltanto)\b|[^.]*\?",
        r"\bsenza\b|\bné\b|\bsolo|soltanto|invece|evit|poc|raro|manca|meno|tranne|salvo|ignor|"
        r"divers|"
        r"invalid|impossib|disabilit|opzional",
    ),
    "ru": (
        r"\b(не|нет|нельзя|никогда|ничего|никак\w*|никто)\b",
        r"\bне (только|просто|обязательно|превыша\w+|позднее)\b|\[нет источника\]|"
        r"\bдо тех пор, пока не\b|\bнередко\b|\bне забы\w+|\bне забуд\w+|\bне так\b|"
        r"\bне \w+ ли\b|\bтем не менее\b|\b(если|или|пока) не\b|[^.]*\?|"
        r"\bне (важно|имеет значения)\b|\bне более\b|\b[аи] не\b",
        r"\bни\b|\bбез|\bне(?!обходим|кот|скольк|посредств|го\b|му\b)\w{4}|только|лишь|вместо|"
        r"переста[лнюе]|избе[гж]|пропус|мало|редко|устарел|отсутств|кроме|"
        r"ошиб|игнор|иначе|отлич|опцион|слишком|просто|вряд|теря|плохо|сложн|трудн",
    ),
    "zh": (
        r"[不没沒](?!同)|无法|無法|不能|没有|并非|(?<![分区區特级級类類])[别別](?=[用使去再忘担])",
        r"[尚还還]?[不没沒未][^、，,.。;!?]{0,6}[之以]前|不[仅僅但过過同断斷止只光错錯久如外时時再必]|不得不|差不多|([是能要会可])不\1|是否|不妨|不管|没问题|不[少费]|[而并]不是|"
        r"没关系|忘|[^。]*[?？]",
        r"[无無未非勿莫弃棄免除]|只|[仅僅]|[区區分特级級类類][别別]|其[他它]|[错錯]|失|缺|跳|忽略|可[选選]|"
        r"否|禁|拒|避|难|難|仍|担心",
    ),
    "ja": (
        r"(ませ[んぬ]|ない|なかった|なくなり|なくなる|なく、|ず、)",
        r"なければ(なりません|なら[ずな]い?|いけ(ません|ない))|な(くて|ければ)は?(なら|いけ|だめ)"
        r"(ません|ない)?|ないと(いけ|なら)(ません|ない)|ざるを得(ません|ない)|かも?しれ(ません|ない|ず)|"
        r"(だけ|のみ|ばかり)で(は)?(なく|ない|ありません)|[にすぎ過]{2}(ません|ない)|"
        r"しか[^。、]*?(ません|ない|なく)|間違い(な[いく]|ありません)|まもなく|ほどなく|少な[いく]|"
        r"ません[かね]|ないでしょうか|(では)?ないか|忘れ(ない|ず)\w*|[構か]い?ま(わ)?(せん|ない)|構わない|"
        r"問題(は|も|に)?(あり|ござい|し)?(ません|な[いく])|かかわらず|変わ(りません|ら(ない|ず))|必要(は)?(あり|な)(ません|い)|"
        r"(存在|対応|有効|一致|該当)しない|正しく(あり|な)(ません|い)\w*|ほとんど[^。]*|あまり[^。]*|"
        r"(必要|こと)が?なくな\w*|おまじない|もったいない|[危汚]ない|必ず|まず|はず|いずれ|とは限り?ら?(ません|ない)|ではなく|でなく|[^。]*[?？]",
        r"[無不未非]|なし|なけれ|なく|ず(?=[に、。])|せず|だけ|のみ|以外|除|避|飛ば|違[うっい]|異な|代わり|"
        r"すぎ|難|[誤失]|省|禁|ただの|たった|単に|まだ",
    ),
    "ko": (
        r"않|\b안 |못[하한할해했합]|없|아니|아닙|아닌|마세요|마십시오|말아|말고|모[릅르른]|아님",
        r"(뿐|뿐만|만)\s?(이 )?아니라|수\s?밖에 없|잊지 ?(말|마)\w*|틀림없|문제 ?없|"
        r"상관 ?없|필요는? 없|[^.]*\?|"
        r"더 이상|흔히 [^.,]{0,9}않|하지 않으면|지 않은|흔히|지도 모[릅르]",
        r"없이|불가|비활|비동|비표|미지|미설|무시|무효|만\b|대신|피하|건너|거의|드물|누락|제외|실패|무시|다른|다르|다릅|달라|선택|"
        r"부[적정족]|금지|뿐|외에|어렵|어려|여전히",
    ),
}
"""Language -> what negates a sentence; the phrases in which the same words do not; and what says
in other languages what a negation says here."""

NEGATION = {
    language: (re.compile(negative), re.compile(phrases), re.compile(weak))
    for language, (negative, phrases, weak) in _NEGATION.items()
}
