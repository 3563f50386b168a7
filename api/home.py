"""The first page: what this node is, and a query to try without any script."""

from base64 import b64encode
from hashlib import sha256
from html import escape

EXAMPLE = """query {
  sanctions(first: 5, filter: { effects: [IN_FORCE] }) {
    totalCount
    nodes { id measure category expiresAt platform { domain } }
  }
}"""

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b18;--paper:#fbfaf6;--rule:#c9c5b8;--link:#0b4f8a}
@media(prefers-color-scheme:dark){:root{--ink:#eae8e1;--paper:#171714;--rule:#4a483f;--link:#8cc4f5}}
body{font:1.1rem/1.6 Georgia,'Times New Roman',serif;color:var(--ink);background:var(--paper);
max-width:42rem;margin:0 auto;padding:2rem 1.25rem}
h1{font-size:2.4rem;line-height:1.1;margin:0;padding-bottom:.5rem;
border-bottom:3px double var(--rule)}
label{display:block;font-weight:bold;margin-top:2rem}
textarea{font:.95rem/1.5 ui-monospace,monospace;width:100%;box-sizing:border-box;color:inherit;
background:transparent;border:1px solid var(--rule);padding:.75rem}
button{font:inherit;padding:.4rem 1.2rem;margin-top:.5rem;cursor:pointer}
a{color:var(--link)}
"""


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


HOME = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Comity</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{_STYLE}</style></head>
<body><main>
<h1>Comity</h1>
<p>Sanctions, appeals and suspension status that platforms share. Time-outs with an end,
everyone heard, what was overturned corrected everywhere.</p>
<form action="/graphql" method="get">
<label for="query">A query to try</label>
<textarea id="query" name="query" rows="8" spellcheck="false">{escape(EXAMPLE)}</textarea>
<button>Ask</button>
</form>
<p><a href="/graphiql">GraphiQL</a> helps with asking.
<a href="/schema.graphql">The schema</a> describes all that can be asked.
Asking about accounts, and changing anything, takes a member's token:
<code>Authorization: Bearer …</code></p>
</main></body></html>
"""

HOME_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_hash(_STYLE)}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
