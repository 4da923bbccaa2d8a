import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { BrowserContext } from 'playwright-core'

const dist = join(import.meta.dirname, '../../dist')
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

/** Answers for the console's own files until the server does. */
export async function serveConsole(context: BrowserContext): Promise<void> {
  await context.route(
    (url) => !/^\/(api|docs|metrics|healthz|readyz|openapi)/.test(url.pathname),
    (route) => {
      const path = join(dist, new URL(route.request().url()).pathname)
      const file = extname(path) !== '' && existsSync(path) ? path : join(dist, 'index.html')
      const headers = { 'content-type': types[extname(file)] ?? '', 'content-security-policy': policy }
      return route.fulfill({ body: readFileSync(file), headers })
    },
  )
}
