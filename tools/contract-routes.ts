import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const api = fileURLToPath(new URL('../packages/api/src/', import.meta.url))
const [client, contract] = [`${api}client.ts`, `${api}index.ts`]
/** What of the console only calls routes. */
const callers = /packages\/console\/src\/(api\/client|pages\/storage\/send-file)\.ts$/
const routesOnly = '\0contract-routes'
const quietZod = '\0quiet-zod'

/**
 * The client of the console needs of each route its method, its path and whether it streams; the schemas of the whole
 * contract would be most of the script of the first page. They are loaded by the pages that check what one types.
 */
export function contractRoutes(): Plugin {
  return {
    name: 'contract-routes',
    enforce: 'pre',
    resolveId(source, importer = '') {
      if (importer === client && source === './index.ts') return routesOnly
      if (source === '@nabla/api' && callers.test(importer)) return routesOnly
      if (source === 'zod' && importer !== quietZod) return quietZod
      return undefined
    },
    async load(id) {
      if (id === quietZod) {
        // It would make code of schemas otherwise, which the policy of the page does not allow.
        return `import { config } from 'zod'\nexport * from 'zod'\nconfig({ jitless: true })\n`
      }
      if (id !== routesOnly) return undefined
      this.addWatchFile(contract)
      return `export const contract = ${JSON.stringify(await readRoutes())}`
    },
  }
}

interface Route {
  method: string
  path: string
  body?: unknown
  response: object
}

async function readRoutes(): Promise<Record<string, Record<string, Route>>> {
  const { contract: whole } = (await import(contract)) as { contract: Record<string, Record<string, Route>> }
  const ofNoun = ([noun, routes]: [string, Record<string, Route>]) => [
    noun,
    Object.fromEntries(Object.entries(routes).map(([verb, route]) => [verb, withoutSchemas(route)])),
  ]
  return Object.fromEntries(Object.entries(whole).map(ofNoun as never))
}

const withoutSchemas = ({ method, path, body, response }: Route): Route => ({
  method,
  path,
  ...(body === 'bytes' && { body }),
  response: 'stream' in response ? { stream: response.stream } : {},
})
