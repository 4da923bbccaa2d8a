import { createHash } from 'node:crypto'

/** A page of the server: complete in itself, with nothing fetched and no script. */
export interface Page {
  html: string
  /** Allows the page's own style sheet and nothing else. */
  contentSecurityPolicy: string
}

/** Puts `body` (HTML) into the frame that all pages share. `style` is added to the style sheet. */
export function renderPage(title: string, body: string, style: string): Page {
  const css = tokens + style
  const digest = createHash('sha256').update(css).digest('base64')
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
<style>${css}</style>
</head>
<body>
${body}
</body>
</html>
`
  const sources = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:`
  return { html, contentSecurityPolicy: `${sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'` }
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** Escapes a text of the contract; what it has between backticks becomes code. */
export function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

/** The mark: one triangle on its point, drawn so that no font has to have it. */
export const mark =
  '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M3.2 4.5h17.6L12 20.2z" fill="none" ' +
  'stroke="currentColor" stroke-width="2.6" stroke-linejoin="round"/></svg>'

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M3.2 4.5h17.6L12 20.2z" fill="none" ' +
  'stroke="#2272b8" stroke-width="3" stroke-linejoin="round"/></svg>'

const tokens = `
:root {
  color-scheme: light dark;
  --page: #f5f7f9; --panel: #ffffff; --raised: #edf1f4; --line: #dbe2e8;
  --text: #151b21; --quiet: #56646f; --accent: #1a69ab; --focus: #1a69ab;
  --well: #1b7a4b; --warn: #8f5f00; --failed: #b3292f;
  --sans: Inter, Geist, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: "JetBrains Mono", "Geist Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1216; --panel: #141a1f; --raised: #1c242b; --line: #29333b;
    --text: #e4eaef; --quiet: #98a6b2; --accent: #6cb4f0; --focus: #6cb4f0;
    --well: #57c98d; --warn: #e0b04c; --failed: #f0878b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 16px; }
body { margin: 0; background: var(--page); color: var(--text); font: 400 14px/20px var(--sans); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
h1, h2, h3, h4, p, pre, dl, dd, ul, ol { margin: 0; padding: 0; }
ul, ol { list-style: none; }
code, pre { font-family: var(--mono); font-size: 13px; }
code { overflow-wrap: anywhere; }
.mark { width: 1em; height: 1em; color: var(--accent); flex: none; }
.quiet { color: var(--quiet); }
`
