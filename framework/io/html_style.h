// The style of a page of html.h and of the charts of chart.h.
// Series differ in colour, in dashes and in the shape of their points, so that none depends on
// colour alone; every colour has a contrast of at least 4.5:1 to its background.
#pragma once

namespace tessera {

inline constexpr const char* kHtmlStyle = R"css(
:root { --page: #ffffff; --text: #1b2430; --quiet: #526070; --line: #d5dce4; --panel: #f5f7fa;
  --c0: #0063a8; --c1: #b84300; --c2: #00704f; --c3: #a03a76; --c4: #725a00; --c5: #5b4bb5;
  --c6: #3d4a57; --c7: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #12161d; --text: #e4e9ef; --quiet: #a3b0be;
  --line: #37414e; --panel: #1a2029; --c0: #6cb6ff; --c1: #ff9d5c; --c2: #4fd1a5; --c3: #f09ac8;
  --c4: #e0c04f; --c5: #b3a6ff; --c6: #c2ccd6; --c7: #ff8f87; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 80rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 1.25rem 0 .25rem; overflow-wrap: anywhere; }
p { margin: .25rem 0 .75rem; max-width: 50rem; }
.quiet, figcaption { color: var(--quiet); font-size: .875rem; }
.note { border-left: 4px solid var(--c1); padding-left: .75rem; overflow-wrap: anywhere; }
.runs, .charts { display: grid; gap: 1rem 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); }
.runs > *, .charts > * { min-width: 0; }
.small { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
figure { margin: 0 0 1rem; overflow-wrap: anywhere; }
figure h3 { margin-top: 0; }
svg { display: block; width: 100%; height: auto; background: var(--panel); border-radius: 4px; }
.small img { display: block; width: 100%; image-rendering: pixelated; }
svg text { fill: var(--text); font: 13px system-ui, -apple-system, "Segoe UI", Roboto,
  "DejaVu Sans", sans-serif; }
svg .axis { stroke: var(--quiet); fill: none; }
svg .grid { stroke: var(--line); fill: none; }
svg .mark { stroke: var(--quiet); stroke-dasharray: 2 3; fill: none; }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .point { fill: var(--panel); stroke-width: 2; }
svg .bar { stroke: none; }
svg .rest { fill: var(--line); stroke: none; }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); } .s3 { --c: var(--c3); }
.s4 { --c: var(--c4); } .s5 { --c: var(--c5); } .s6 { --c: var(--c6); } .s7 { --c: var(--c7); }
svg .curve, svg .point { stroke: var(--c); } svg .bar { fill: var(--c); }
.s1 .curve { stroke-dasharray: 8 3; } .s2 .curve { stroke-dasharray: 2 3; }
.s3 .curve { stroke-dasharray: 10 3 2 3; } .s5 .curve { stroke-dasharray: 8 3; }
.s6 .curve { stroke-dasharray: 2 3; } .s7 .curve { stroke-dasharray: 10 3 2 3; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: min(100%, 26rem); margin: .5rem 0 1rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: .875rem; padding-bottom: .25rem; }
th, td { padding: .2rem .75rem .2rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th[scope=row], th:first-child { text-align: left; font-weight: 500; }
thead th { font-weight: 600; vertical-align: bottom; }
a { color: var(--c0); }
pre { background: var(--panel); padding: .75rem; border-radius: 4px; overflow-x: auto;
  font-size: .8125rem; }
summary { cursor: pointer; color: var(--quiet); font-size: .875rem; }
@media print { :root { --page: #ffffff; --text: #000000; --quiet: #333333; --line: #bbbbbb;
    --panel: #ffffff; --c0: #0063a8; --c1: #b84300; --c2: #00704f; --c3: #a03a76; --c4: #725a00;
    --c5: #5b4bb5; --c6: #3d4a57; --c7: #b3261e; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  figure, tr, svg, img { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  .runs { display: block; } .charts { grid-template-columns: 1fr 1fr; }
  .small { grid-template-columns: repeat(4, 1fr); } .scroll { overflow: visible; }
  pre { white-space: pre-wrap; } svg { border: 1px solid var(--line); } }
)css";

}  // namespace tessera
