/**
 * Builds the web console into `packages/console/dist`, which the server serves: `npm run build`. The new one takes the
 * place of the old one in one step, so a server that starts meanwhile finds either. Without the packages for
 * development there is nothing to build with, and nothing is done.
 */
import { existsSync, globSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../packages/console')
const dist = join(folder, 'dist')

if (import.meta.main) await buildConsole()

/** Builds it; with `ifOlder` only if a source changed since. Throws what Vite throws. */
export async function buildConsole({ ifOlder = false } = {}): Promise<void> {
  if (ifOlder && !isOlder()) return
  const vite = await import('vite').catch(() => undefined)
  if (!vite) return
  const fresh = `${dist}-${process.pid}`
  const old = `${dist}-${process.pid}-old`
  const environment = process.env['NODE_ENV']
  try {
    // Tests have one of their own, with which React would be that for development.
    process.env['NODE_ENV'] = 'production'
    await vite.build({ configFile: join(folder, 'vite.config.ts'), logLevel: 'warn', build: { outDir: fresh } })
    if (existsSync(dist)) renameSync(dist, old)
    renameSync(fresh, dist)
  } finally {
    if (environment === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = environment
    for (const left of [fresh, old]) rmSync(left, { recursive: true, force: true })
  }
}

function isOlder(): boolean {
  const built = join(dist, 'index.html')
  if (!existsSync(built)) return true
  const since = statSync(built).mtimeMs
  const sources = globSync(['console/{src/**/*,index.html,vite.config.ts}', 'api/src/*.ts'], {
    cwd: join(folder, '..'),
  })
  return sources.some((file) => statSync(join(folder, '..', file)).mtimeMs > since)
}
