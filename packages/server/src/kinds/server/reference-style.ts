/** The style sheet of the reference page, on top of the tokens that all pages share. */
export const referenceStyle = `
.frame { display: grid; grid-template-columns: 240px minmax(0, 1fr); max-width: 1200px; margin: 0 auto; }
aside { border-right: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 8px; padding: 20px 16px 12px; color: var(--text); font-size: 16px; }
.brand:hover { text-decoration: none; }
.brand strong { font-weight: 600; }
.brand .quiet { font-size: 12px; margin-left: auto; }
.menu { display: none; }
aside { position: sticky; top: 0; align-self: start; height: 100vh; overflow-y: auto; }
.rail > ul { padding: 4px 8px 32px; }
.rail a, .menu a { display: block; padding: 4px 8px; border-radius: 4px; color: var(--text); font-weight: 500; }
.rail ul ul a, .menu ul ul a { color: var(--quiet); font-weight: 400; font-size: 13px; padding: 2px 8px 2px 20px; }
.rail a:hover, .menu a:hover { background: var(--raised); text-decoration: none; }
.rail > ul > li { margin-bottom: 4px; }
main { padding: 24px 40px 96px; min-width: 0; }
main > section { margin-bottom: 56px; }
h1 { font-size: 28px; line-height: 36px; font-weight: 600; letter-spacing: -0.02em; margin-bottom: 12px; }
h2 { font-size: 20px; line-height: 28px; font-weight: 600; padding-bottom: 8px; border-bottom: 1px solid var(--line); margin-bottom: 16px; }
#top { max-width: 720px; }
#top h3 { font-size: 14px; font-weight: 600; margin: 24px 0 4px; }
article { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 16px 20px 20px; margin-bottom: 16px; }
article:target { border-color: var(--accent); }
article h3 { font-size: 16px; line-height: 24px; font-weight: 600; display: flex; align-items: baseline; gap: 8px; }
article h3 a { color: var(--text); }
article h3 small { font-size: 12px; font-weight: 500; color: var(--quiet); border: 1px solid var(--line); border-radius: 4px; padding: 0 6px; }
.route { margin: 4px 0 12px; font-family: var(--mono); font-size: 13px; }
.route b { color: var(--accent); font-weight: 600; margin-right: 4px; }
.route var { font-style: normal; color: var(--quiet); }
h4 { font-size: 12px; line-height: 16px; font-weight: 600; color: var(--quiet); margin: 20px 0 6px; }
p code, td code, dt code, dd code { background: var(--raised); border-radius: 3px; padding: 1px 4px; font-size: 12px; }
pre { background: var(--raised); border-radius: 4px; padding: 10px 12px; margin: 12px 0 0; line-height: 20px; overflow-x: auto; }
pre code { overflow-wrap: normal; font-size: 12px; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
tbody th, td { text-align: left; vertical-align: top; padding: 7px 12px 7px 0; border-top: 1px solid var(--line); font-weight: 400; overflow-wrap: anywhere; }
col:nth-child(1) { width: 30%; } col:nth-child(2) { width: 22%; }
tbody th code { font-size: 13px; font-weight: 500; background: none; padding: 0; }
tbody th i { display: inline-block; font-style: normal; font-size: 12px; color: var(--quiet); }
.in1 { padding-left: 16px; } .in2 { padding-left: 32px; } .in3 { padding-left: 48px; }
td:nth-child(2) { color: var(--quiet); }
dl { display: grid; grid-template-columns: 216px minmax(0, 1fr); border-bottom: 1px solid var(--line); }
dt { border-top: 1px solid var(--line); padding: 7px 12px 7px 0; display: flex; gap: 8px; align-items: baseline; justify-content: space-between; }
dt span { font-size: 12px; color: var(--quiet); font-variant-numeric: tabular-nums; }
dd var { color: var(--quiet); }
dd { border-top: 1px solid var(--line); padding: 7px 0 7px 12px; }
#top dl { margin-top: 12px; }
@media (max-width: 760px) {
  .frame { display: block; }
  aside { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  .brand { padding: 16px; }
  .rail { display: none; }
  .menu { display: block; padding: 0 16px 12px; }
  .menu summary { padding: 8px 12px; border: 1px solid var(--line); border-radius: 6px; background: var(--panel); font-weight: 500; cursor: pointer; }
  .menu > ul { padding-top: 8px; columns: 2; }
  .menu > ul > li { break-inside: avoid; margin-bottom: 8px; }
  .menu a { padding: 6px 8px; }
  .menu ul ul a { padding: 5px 8px 5px 20px; }
  main { padding: 20px 16px 64px; }
  article { padding: 14px 14px 16px; }
  colgroup { display: none; }
  table, tbody, tr, tbody th, td { display: block; width: auto; }
  tr { border-top: 1px solid var(--line); padding: 8px 0; }
  tbody th, td, td:nth-child(2) { border: 0; padding: 0; width: auto; }
  td:nth-child(3):empty { display: none; }
  dl { display: block; }
  dt { justify-content: flex-start; padding: 8px 0 0; }
  dd { border: 0; padding: 4px 0 8px; }
  tr:has(.in1) { margin-left: 16px; } tr:has(.in2) { margin-left: 32px; } tr:has(.in3) { margin-left: 48px; }
}
`
