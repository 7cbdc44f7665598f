"""The style of the page: light, dark, narrow, and on paper."""

_LIGHT = """ --back: #fff; --text: #1a1d21; --muted: #5b6470; --line: #d9dde3; --card: #f5f6f8;
  --mark: #fff3c4; --arm0: #6b7280; --arm1: #0067b3; --arm2: #c2500a; --arm3: #0a7d57;
  --arm4: #a83a7c; --arm5: #7d6200; --good: #0a6b3d; --bad: #b3261e; --open: #8a5a00; """
_DARK = """ --back: #14171a; --text: #e6e8eb; --muted: #9aa4b0; --line: #343a42; --card: #1d2126;
  --mark: #453a12; --arm0: #a3abb6; --arm1: #5fb3f0; --arm2: #f09a5b; --arm3: #4fc79a;
  --arm4: #e38dc0; --arm5: #d4b84a; --good: #5ecb93; --bad: #ff8a80; --open: #e3b341; """
_ARMS = "".join(
    f".line.arm{one} {{ stroke: var(--arm{one}); }}"
    f" .band.arm{one}, .bar.arm{one}, .dot.arm{one} {{ fill: var(--arm{one}); }}\n"
    for one in range(6)
)

_KINDS = "".join(
    f".verdict.{one} {{ border-color: var(--{one}); }}"
    f" .verdict.{one} .how {{ color: var(--{one}); }}\n"
    for one in ("good", "open", "bad")
)

STYLE = f"""
:root {{ color-scheme: light dark;{_LIGHT}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK}}} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--back);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0; }}
h2 {{ font-size: 1.15rem; margin: 2.4rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--line); }}
h3 {{ font-size: 1rem; margin: 1.4rem 0 .3rem; }} p {{ margin: .3rem 0; }}
.muted {{ color: var(--muted); }}
.verdict {{ background: var(--card); border-left: .35rem solid var(--muted); margin: 1rem 0;
  padding: .7rem 1rem; }}
.verdict .how {{ font-size: 1.15rem; font-weight: 600; }}
{_KINDS}.scroll {{ overflow-x: auto; }} figure {{ margin: .6rem 0 1.4rem; }}
figcaption {{ color: var(--muted); font-size: .85rem; }}
table {{ border-collapse: collapse; font-size: .85rem; }} td, th {{ padding: .25rem .8rem .25rem 0;
  text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; }}
th {{ color: var(--muted); font-weight: 600; white-space: nowrap; }}
.right {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.long {{ min-width: 36rem; }} .wide td {{ overflow-wrap: anywhere; min-width: 4.5rem; }}
tr.holds td {{ background: var(--mark); font-weight: 600; }}
code {{ font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }}
ul {{ margin: .3rem 0; padding-left: 1.2rem; }}
dl {{ display: grid; grid-template-columns: 9rem 1fr; gap: .35rem 1rem; margin: 0;
  font-size: .9rem; }} dt {{ font-weight: 600; }} dd {{ margin: 0; }}
svg {{ width: 100%; min-width: 36rem; height: auto; display: block; }}
svg text {{ fill: var(--text); font: 12px system-ui, sans-serif; }}
svg .muted {{ fill: var(--muted); }} svg .strong {{ font-weight: 600; }}
svg .small {{ font-size: 11px; }} .grid {{ stroke: var(--line); }} .zero {{ stroke: var(--muted); }}
.step {{ stroke: var(--muted); stroke-dasharray: 1 3; }}
.bound {{ stroke: var(--bad); stroke-dasharray: 6 4; stroke-width: 1.5; }}
.line {{ fill: none; stroke-width: 2; stroke-linejoin: round; }} .band {{ opacity: .18; }}
.copies {{ opacity: .35; }} .horizon {{ fill: none; stroke: var(--text); stroke-width: 1.5; }}
@media (max-width: 40rem) {{ dl {{ display: block; }} dd {{ margin: 0 0 .5rem; }}
  h1 {{ font-size: 1.25rem; }} }}
@media print {{ body {{ max-width: none; padding: 0; font-size: 10pt; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  .scroll {{ overflow: visible; }} svg, .long {{ min-width: 0; }}
  svg {{ max-height: 62mm; }} table {{ font-size: 8pt; }}
  figure, tr, .verdict, dl > * {{ break-inside: avoid; }} h2, h3 {{ break-after: avoid; }} }}
{_ARMS}"""
