"""tongue.py: which parts of a page are in another language."""

from __future__ import annotations

from gangwei.tongue import bdi, tongue, tongues


def test_a_name_with_chinese_is_chinese() -> None:
    assert tongue("Java AIGC平台开发") == ' lang="zh-CN"' and tongue("Anker") == "" == tongue(None)
    assert bdi("<b>算法") == '<bdi lang="zh-CN">&lt;b&gt;算法</bdi>' and bdi("R & D") == "<bdi>R &amp; D</bdi>"


def test_chinese_names_in_a_sentence_are_marked() -> None:
    said = "the ten offer 10.8 %; 百度在线网络技术(北京)有限公司 has the most (535)"
    assert tongues(said, "en") == said.replace(
        "百度在线网络技术(北京)有限公司", '<span lang="zh-CN">百度在线网络技术(北京)有限公司</span>'
    )
    assert tongues("(图像, 语音)", "en") == '(<span lang="zh-CN">图像</span>, <span lang="zh-CN">语音</span>)'
    assert tongues("<i>", "en") == "&lt;i&gt;"


def test_english_sentences_on_a_chinese_page_are_marked() -> None:
    assert tongues("Words of defence", "zh-CN") == '<span lang="en">Words of defence</span>'
    assert tongues("Python", "zh-CN") == "Python" and tongues("见 the file 定义", "zh") == "见 the file 定义"
