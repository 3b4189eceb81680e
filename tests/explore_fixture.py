"""Ads made to hurt a page, and the explorer served by a real server on this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

PHONE, MAIL = "13912345678", "boss.wang@example.com"
HOSTILE = [
    {
        "id": "h1",
        "title": "<script>document.title='owned'</script>算法工程师",
        "company": '"><img src=x onerror=document.title=2>科技有限公司',
        "city": "深圳",
        "description": f"负责深度学习模型训练。<script>document.title=3</script><a href='javascript:document.title=4'>x</a> 联系 {PHONE} {MAIL}",
        "url": "javascript:document.title=5",
    },
    {
        "id": "h2",
        "title": "=HYPERLINK(1) 机器学习工程师 \u202eevil\u202c",
        "company": f"某公司 联系电话{PHONE}",
        "city": "上海",
        "address": f"上海市浦东新区 {PHONE}",
        "description": f"负责机器学习平台研发，微信{PHONE}，邮箱{MAIL}",
        "url": "https://example.com/jobs/2",
    },
    {
        "id": "h3",
        "title": "{{7*7}}${7*7}<svg/onload=document.title=6> 深度学习研究员" + "很长的职位名称" * 30,
        "company": "超长名称" * 40 + "有限公司",
        "city": "北京",
        "description": "研究深度学习。\u2066\u202e反向\u2069 <style>*{display:none}</style> <iframe src=//evil.example></iframe>"
        + "无空格" * 400,
        "url": "data:text/html,<script>document.title=7</script>",
    },
]


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application on a free port of this machine; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", server_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
