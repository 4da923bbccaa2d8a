import { createHash } from 'node:crypto'
import type { Version } from '../model/version.ts'
import { specText, type TensorSpec } from '../tensor/types.ts'
import { exampleOf } from './openapi.ts'

/** The page at `/`: what the models take and give, a form to try them, and the same as `curl`. */
export function page(versions: readonly Version[], host: string): string {
  const names = new Set(versions.map(({ name }) => name))
  const title = [...names].join(', ') || 'Model server'
  const sections = versions.map((version) => section(version, host)).join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
<p>Predictions over HTTP. Also here: <a href="openapi.json">OpenAPI</a>, TensorFlow Serving's REST below <code>/v1/models</code>,
the Open Inference Protocol below <code>/v2</code>, <a href="metrics">metrics</a>.</p>
${sections || '<p>No model is loaded.</p>'}
</main>
<script>${script}</script>
</body>
</html>
`
}

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
main { max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 0.5rem 0 } th, td { text-align: left; padding: 0.15rem 1.5rem 0.15rem 0; vertical-align: top }
textarea, pre { box-sizing: border-box; width: 100%; font: 13px/1.5 ui-monospace, monospace; padding: 0.6rem; border: 1px solid #8886; border-radius: 6px; background: #8881; overflow: auto; max-height: 20rem; white-space: pre-wrap; overflow-wrap: anywhere }
button { font: inherit; padding: 0.3rem 1rem }
section { border-top: 1px solid #8886; margin-top: 2rem }
`

/** Relative addresses, since a gateway may have put a path before them. */
const script = `
for (const form of document.querySelectorAll('form')) {
  const body = form.querySelector('textarea'), answer = form.querySelector('output pre'), curl = form.querySelector('.curl')
  const quote = (text) => "'" + text.replaceAll("'", "'\\\\''") + "'"
  const show = () => { curl.textContent = 'curl ' + quote(new URL(form.getAttribute('action'), document.baseURI).href) + " -H 'content-type: application/json' -d " + quote(body.value) }
  body.addEventListener('input', show)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      const response = await fetch(form.getAttribute('action'), { method: 'POST', headers: { 'content-type': 'application/json' }, body: body.value })
      answer.textContent = response.status + ' ' + await response.text()
    } catch (error) { answer.textContent = String(error) }
  })
  show()
}
`

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Nothing runs or is loaded but what is written above: names of tensors come from the file of a model. */
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; connect-src 'self'; form-action 'none'; base-uri 'none'`,
}

function section(version: Version, host: string): string {
  const { name, version: number } = version
  const head = `<section>\n<h2>${escape(name)} <small>version ${escape(number)}</small></h2>`
  if (!version.known) return `${head}\n<p>${escape(version.unavailable().message)}</p>\n</section>`
  const { inputs, outputs, runtime } = version.loaded
  const action = `models/${name}/versions/${number}/predict`
  const example = JSON.stringify(exampleOf(version))
  return `${head}
<p>${escape(runtime)}${version.state === 'ready' ? '' : `, ${escape(version.unavailable().message)}`}</p>
<table>
${rows('takes', inputs)}
${rows('gives', outputs)}
</table>
<form action="${escape(action)}" method="post">
<p><label>Request<textarea rows="5" spellcheck="false">${escape(example)}</textarea></label></p>
<p><button>Send</button></p>
<output><pre>The answer.</pre></output>
<p>The same by <code>curl</code>:</p>
<pre class="curl">curl ${escape(`http://${host}/${action} -d '${example.replaceAll("'", String.raw`'\''`)}'`)}</pre>
</form>
</section>`
}

const rows = (title: string, specs: readonly TensorSpec[]): string =>
  specs
    .map(
      (spec, at) =>
        `<tr><th>${at === 0 ? title : ''}</th><td>${escape(spec.name)}</td><td>${escape(specText(spec))}</td></tr>`,
    )
    .join('\n')

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => entities[char] ?? char)
