import { escapeHtml, mark, type Page, renderPage } from './page.ts'

/** What stands at `/` where the console has not been built: how to build it, and how to do without. */
export function homePage(version: string): Page {
  const body = `
<main>
  <header>${mark}<h1>Nabla</h1><span class="quiet">${escapeHtml(version)}</span></header>
  <p class="what">Train and serve models on your own machine. This is its server; it runs.</p>
  <section aria-labelledby="build">
    <h2 id="build">The console is not built yet</h2>
    <ol>
      ${step('In the folder of Nabla itself; then start the server again.', 'npm run build')}
    </ol>
  </section>
  <section aria-labelledby="begin">
    <h2 id="begin">Without it</h2>
    <ol>
      ${step('Log in with the key that the first start printed.', 'nabla login')}
      ${step('In the folder of your code: upload it, run it, watch it.', 'nabla run -- python train.py')}
      ${step('See what ran, and get what it made.', 'nabla job list')}
    </ol>
  </section>
  <nav aria-label="More">
    <a href="/docs"><strong>Reference</strong><span>Every route of the API, with examples</span></a>
    <a href="/openapi.json"><strong>OpenAPI 3.1</strong><span>The same, for tools</span></a>
  </nav>
</main>`
  return renderPage('Nabla', body, style)
}

function step(about: string, command: string): string {
  return `<li><p>${escapeHtml(about)}</p><pre><code>${escapeHtml(command)}</code></pre></li>`
}

const style = `
main { max-width: 600px; margin: 0 auto; padding: 72px 20px 48px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 24px; }
header { display: flex; align-items: center; gap: 10px; font-size: 28px; }
h1 { font-size: 28px; line-height: 36px; font-weight: 600; letter-spacing: -0.02em; }
header .quiet { font-size: 13px; line-height: 20px; align-self: flex-end; padding-bottom: 4px; font-variant-numeric: tabular-nums; }
.what { font-size: 16px; line-height: 24px; margin-top: -12px; color: var(--quiet); }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 16px; }
h2 { font-size: 14px; line-height: 20px; font-weight: 600; margin-bottom: 12px; }
section ol { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
li p { color: var(--quiet); margin-bottom: 6px; }
pre { background: var(--raised); border-radius: 4px; padding: 8px 12px; line-height: 20px; white-space: pre-wrap; }
pre::before { content: "$ "; color: var(--quiet); }
nav { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
nav a { display: grid; align-content: start; gap: 2px; padding: 12px 16px; border: 1px solid var(--line); border-radius: 6px; background: var(--panel); }
nav a:hover { border-color: var(--accent); text-decoration: none; }
nav strong { font-weight: 600; }
nav span { color: var(--quiet); font-size: 13px; }
@media (max-width: 480px) {
  main { padding: 32px 16px; gap: 20px; }
  nav { grid-template-columns: 1fr; }
}
`
