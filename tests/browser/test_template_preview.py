"""A message on its page is a stranger: what it brings does not run, send or fetch, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser.site import Site, a_window, log_in

HOSTILE = """\
---
subject: Hostile
---
<html><head><script>parent.document.title = 'taken'; document.title = 'ran'</script>
<style>body { background: rgb(1, 2, 3) } @media (prefers-color-scheme: dark) { body { background: rgb(4, 5, 6) !important } }</style></head>
<body onload="parent.document.title = 'taken'; document.body.id = 'ran'"><p>Hello</p>
<img src="x" alt="x" onerror="document.body.id = 'ran'">
<iframe src="javascript:parent.document.body.id = 'ran'"></iframe>
<form action="/admin/sending/stop" method="post"><button id="send">x</button></form>
<a id="away" href="javascript:document.body.id = 'ran'" target="_top">x</a></body></html>
"""
COLOURS = {"light": "rgb(1, 2, 3)", "dark": "rgb(4, 5, 6)"}


def test_nothing_in_a_message_runs_and_both_schemes_are_shown(browser: Browser, site: Site) -> None:
    file = site.project / "templates" / "email" / "hostile.html"
    file.write_text(HOSTILE, encoding="utf-8")
    try:
        with a_window(browser, site) as window:
            log_in(window, site.user, site.password)
            for scheme, colour in COLOURS.items():
                window.goto(f"/admin/templates/email/hostile?of=folder&scheme={scheme}")
                frame = window.frame_locator("iframe.letter")
                frame.locator("#send").click()
                frame.locator("#away").click()

                body = frame.locator("body")
                assert body.get_attribute("id") is None
                assert frame.locator("p").inner_text() == "Hello"
                assert body.evaluate("body => getComputedStyle(body).backgroundColor") == colour
                assert window.title() == "hostile · Template · nurture"
                assert window.url.endswith(f"scheme={scheme}")
    finally:
        file.unlink()
