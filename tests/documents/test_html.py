"""HTML to Markdown: what is read, how it looks, and where it came from."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyseek.documents.html import read
from polyseek.documents.positions import Positions

BLOCKS = [
    ("<h1>One</h1><h3 class=x>Thr<b>e</b>e <a href=/>link</a></h3>", "# One\n\n### Three link\n"),
    ("<h2>A<a class=headerlink href='#a'>¶</a></h2>", "## A\n"),
    ("<h2><div>A</div><div>b</div></h2><h2> </h2>", "## A b\n"),
    ("<p>a\n  b\t<em>c</em>d<p>e", "a b cd\n\ne\n"),
    ("<div>a<div>b</div>c</div>", "a\n\nb\n\nc\n"),
    ("<p>a<br>b<br/>c</p><hr>d", "a\nb\nc\n\n---\n\nd\n"),
    ("<p>a&nbsp;&lt;b&gt; &amp;amp; &eacute; &#x4e2d;&#22269; &copy</p>", "a <b> &amp; é 中国 ©\n"),
    ("?a=1&b=2 &bogus; &#xZ; & <3 a<b", "?a=1&b=2 &bogus; &#xZ; & <3 a<b\n"),
    ("<p>中文\n换行 空格\n한글\n한글 a\nb", "中文换行 空格 한글 한글 a b\n"),
    ("<p><ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>です", "漢字です\n"),
    ("<p>x <img src=a alt='an  image'><img src=b> y", "x an image y\n"),
    ("<p>Use <code>a\n b</code>, <code>`x`</code><code></code>.", "Use `a b`, `` `x` ``.\n"),
    ("a<script>if (a<b) '</p>'</script><style>p{}</style><template>t</template>b", "ab\n"),
    ("<noscript>no</noscript><svg><title>s</title><text>t</text></svg><!-- c -->a", "a\n"),
    ("<ul><li>a<li>b<ol><li>c</li></ol></ul>", "- a\n- b\n  1. c\n"),
    ("<ul><li>a</li><ul><li>b</li></ul>c<li></li></ul>", "- a\n  - b\n- c\n"),
    ("<ol start=9><li><p>a</p><p>b</p></li><li>c</ol>", "9. a\n\n   b\n10. c\n"),
    ("<ol start=x><li>a", "1. a\n"),
    ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\n\nb\n\nc\n\nd\n"),
    ("<blockquote>a<ul><li>b</ul></blockquote><blockquote><p>c<p>d", "> a\n> - b\n\n> c\n>\n> d\n"),
    (
        "<p># a</p><p>1. a</p><p>- a<br>&gt; b<br>&lt;p&gt;",
        "\\# a\n\n1\\. a\n\n\\- a\n\\> b\n\\<p>\n",
    ),
    ("<table><tr><th>a<th>b|c<tr><td>1<td>", "| a | b\\|c |\n| --- | --- |\n| 1 |  |\n"),
    (
        "<table><caption>C</caption><thead><tr><th>a</th><th colspan=2>b</th></tr></thead>"
        "<tbody><tr><td rowspan=2>1<td>2<td>3</tr><tr><td>4<p>5<br>6</tr></table>",
        "C\n\n| a | b |  |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 1 | 4 5 6 |  |\n",
    ),
    ("<table><tr><td><pre>1</pre><td><pre>x</pre></table>", "```\n1\n```\n\n```\nx\n```\n"),
    ("<table></table><table><tr><td></table><ul></ul><pre>\n</pre>a", "a\n"),
    ("<table>x<td>1<tr>y<th>2</table>z", "xy\n\n| 1 |\n| --- |\n| 2 |\n\nz\n"),
    ("<details><summary>a</summary>b</details>", "a\n\nb\n"),
    ("<a href=x><h2>a</h2><p>b</p></a>", "## a\n\nb\n"),
    ("<p>a</div></b></td><b>b</p></b></p>c", "ab\n\nc\n"),
    ("<ul><li><b>a<li>b</b></ul>c", "- a\n- b\n\nc\n"),
    ("<![if x]>a<![bogus<b>]>b<!x>c<?p?>d", "a]>bcd\n"),
    ("<h1>Unclosed<p>a", "# Unclosed\n\na\n"),
    ("a<b", "a<b\n"),
    ("", ""),
]
CODES = [
    "def f():\n\treturn 1\n",
    "  indented\n\n\n  twice  \n",
    "\nfirst line empty\n",
    "no end",
    "a\r\nb\r\n",
    "a | b & <tag> ``` ` &amp; ~~~\n",
    "中文\u3000　\xa0x\n",
]


def markdown(html: str) -> str:
    return read(html.encode(), "x.html").text


@pytest.mark.parametrize(("html", "text"), BLOCKS)
def test_blocks(html: str, text: str) -> None:
    assert markdown(html) == text


@pytest.mark.parametrize("code", CODES)
def test_code_is_byte_exact(code: str) -> None:
    escaped = code.replace("&", "&amp;").replace("<", "&lt;")
    text = markdown(f'<p>a</p><pre>\n<code class="hl language-c++">{escaped}</code></pre>')
    fenced = re.fullmatch(r"a\n\n(`{3,})c\+\+\n(.*)\1\n", text, re.DOTALL)
    assert fenced is not None
    assert fenced[2] == code + "\n" * (not code.endswith("\n"))
    assert fenced[1] not in code


def test_markup_in_code_is_only_its_text() -> None:
    html = "<div class='highlight-python'><pre><button>Copy</button><span>a\n</span> <b>b</b><br>c"
    assert markdown(html) == "```python\na\n b\nc\n```\n"
    assert markdown("<li><pre>a\n\n b</pre>") == "```\na\n\n b\n```\n"
    assert markdown("<ul><li>x<pre>a\n\n b</pre></ul>") == "- x\n\n  ```\n  a\n\n   b\n  ```\n"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<nav>n</nav><header>h</header><main>m</main><aside>a</aside><footer>f</footer>", "m\n"),
        ("<header>h</header><article>a</article><p>x<article>b</article>", "a\n\nb\n"),
        (
            "<main><header>h</header><nav>n</nav><p>a<aside>b</aside><footer>f</main>",
            "h\n\na\n\nb\n",
        ),
        ("<div role=main>m</div><footer>f</footer>", "m\n"),
        ("<article>a</article><main>m</main>", "m\n"),
        ("<main></main><p>all", "all\n"),
        ("<nav>n</nav>a<footer>f</footer>", "n\n\na\n\nf\n"),
        ("<nav>n<main>m</main>", "m\n"),
    ],
)
def test_only_the_content_is_read(html: str, text: str) -> None:
    assert markdown(html) == text


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>A &amp;\n b</title><h1>c</h1>", "A & b"),
        ("<svg><title>no</title></svg><title> </title><h1>c <i>d</i></h1>", "c d"),
        ("<p>a", "x.html"),
    ],
)
def test_title(html: str, title: str) -> None:
    assert read(html.encode(), "docs/x.html").title == title


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<!doctype html><html lang=zh-Hans><p lang=de>", "zh"),
        ('<html xmlns="x" xml:lang="PT-br" />', "pt"),
        ("<html><p lang=de>", ""),
        ("<p lang=de>", ""),
    ],
)
def test_language(html: str, language: str) -> None:
    assert read(html.encode(), "x.html").language == language


def test_the_declared_charset_is_used() -> None:
    page = "<meta charset='windows-1251'><p>Привет"
    assert read(page.encode("cp1251"), "x.html").text == "Привет\n"
    page = "<meta http-equiv=content-type content='text/html; charset=GB2312'><p>囧"
    assert read(page.encode("gb18030"), "x.html").encoding == "gb18030"
    page = "<?xml version='1.0' encoding='koi8-r'?><html><p>Привет</p></html>"
    assert read(page.encode("koi8-r"), "x.xhtml").text == "Привет\n"


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<title>Page</title></head>
<body><main>

<h1
 id="a">
One</h1>
<p>first
second <b>third
fourth</b>
</p><h2>Two &amp;
more</h2>
<ul>
  <li>item
  <li>
     <p>other
</ul>
<pre><code>a

&lt;b
</code></pre>
<table>
<tr><th>x<th>y
<tr>
<td>1
<td>2
</table>
<blockquote>
<h3>Quoted</h3>
</blockquote>
last
</main>
</html>
"""
PLACES = [
    ("# One", 7, "<h1\n"),
    ("first", 10, "<p>first"),
    ("second", 11, "second"),
    ("third", 11, "third"),
    ("fourth", 12, "fourth"),
    ("## Two & more", 13, "<h2>Two"),
    ("- item", 16, "<li>item"),
    ("- other", 17, "<li>\n"),
    ("```\na", 20, "<pre>"),
    ("a\n\n<b", 20, "a\n\n&lt;"),
    ("<b\n", 22, "&lt;b"),
    ("| x |", 25, "<tr><th>x"),
    ("| 1 |", 26, "<tr>\n<td>1"),
    ("2 |", 28, "2\n"),
    ("### Quoted", 31, "<h3>"),
    ("last", 33, "last"),
]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(("piece", "line", "source"), PLACES)
def test_each_block_leads_back_to_its_place(
    ending: str, piece: str, line: int, source: str
) -> None:
    page = PAGE.replace("\n", ending)
    document = read(page.encode(), "x.html")
    offset = document.text.index(piece.replace("\n", ending) if "<b" in piece else piece)
    positions = Positions(document)
    assert positions.line(offset) == line
    assert page[positions.source(offset) :].startswith(source.replace("\n", ending))


@given(st.lists(st.sampled_from(["<h2>x</h2>", "\n", "<p>a\nb", "<ul><li>c", "&amp;", "<pre>\n"])))
def test_the_line_of_a_heading_is_that_of_its_tag(parts: list[str]) -> None:
    page = "".join(part.replace("x", f"n{number}n") for number, part in enumerate(parts))
    document = read(page.encode(), "x.html")
    positions = Positions(document)
    for heading in re.finditer(r"## n\d+n", document.text):
        tag = page.index(f"<h2>{heading[0][3:]}<")
        assert positions.line(heading.start()) == page.count("\n", 0, tag) + 1
        assert positions.source(heading.start()) == tag


# fmt: off
FRAGMENTS = st.sampled_from([
    "<p>", "</p>", "<b>", "</b>", "<ul>", "<ol><li>", "</li>", "</ul>", "<table>", "<tr>", "<td>",
    "<th>", "</td>", "</table>", "<caption>", "<td rowspan=3>", "<td colspan=9>", "<pre>", "</pre>",
    "<h1>", "</h1>", "<div>", "</div>", "<a href='#'>", "</a>", "<code>", "</code>", "<br>", "<dl>",
    "<main>", "</main>", "<article>", "<nav>", "<dd>", "<blockquote>", "<p/>", "<!--", "-->", "<![",
    "]]>", "<![CDATA[", "<!", "<?", "</", "<", ">", "&", "&#", "&#x", "&lt;", "&notit;", "<script>",
    "</script>", "<title>", "</title>", "<svg>", "</svg>", "\n", " ", "\r\n", "\xa0", "中", "```",
    "|", "#", "1.", "word",
])
# fmt: on
TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), max_size=4
)


@given(st.lists(FRAGMENTS | TEXT, max_size=60))
def test_broken_html_never_raises_and_its_offsets_ascend(parts: list[str]) -> None:
    page = "".join(parts)
    document = read(page.encode(), "x.html")
    at = [offset for offset, _, _ in document.offsets]
    assert at[0] == 0
    assert at == sorted(set(at))
    assert at[-1] <= len(document.text)
    assert all(0 <= place <= len(page) for _, place, _ in document.offsets)


@given(st.lists(st.text("abc中文 \n<&", min_size=1, max_size=20), min_size=1, max_size=5))
def test_no_word_is_lost(paragraphs: list[str]) -> None:
    escaped = [text.replace("&", "&amp;").replace("<", "&lt;") for text in paragraphs]
    text = markdown("".join(f"<p>{paragraph}</p>" for paragraph in escaped))
    spaceless = "".join("".join(paragraphs).split())
    assert "".join(text.split()).replace("\\", "") == spaceless


@pytest.mark.parametrize(
    "part",
    ["<div>", "<ul><li>", "<table><td>", "<a href='#'>", "<code>", "<b", "<blockquote>", "</"],
)
def test_deep_and_endless_nesting_is_read_in_time(part: str) -> None:
    assert "end" in markdown(part * 3000 + " end")


def test_a_huge_single_line() -> None:
    text = markdown("<p>" + "word &amp; " * 50_000)
    assert text == "word & " * 49_999 + "word &\n"
