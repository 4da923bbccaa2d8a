import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Where `npm run dev` has its server; the pages and their live updates come from it through Vite. */
const server = process.env['NABLA_URL'] ?? 'http://127.0.0.1:7070'

/** What is opened first: all that these pages are made of is one file, asked for by the page itself. */
const firstPages = ['shell/shell.tsx', 'pages/home/home-page.tsx', 'pages/job/job-list-page.tsx'].map((path) =>
  join(import.meta.dirname, 'src', path),
)
/** What the schemas of the contract are made with. */
const zod = /node_modules\/zod|quiet-zod/
const contract = /packages\/api\/src/
/** What of the contract is no schema: the client of the first pages, and what states and kinds there are. */
const tables =
  /api\/src\/(client|calls|error-body|sweep-views|importance|forest|searchers|metric-series|notebook-state|[a-z]+-(states|tables))\.(ts|json)/
/** Used by so many other pages it is one file too, but for what is large and drawn by few. */
const shareCount = 8
const own = /uplot|parts\/(chart|ansi|file-|smoothing)|node_modules\/yaml|\.(woff2|svg)$/

const quietZodId = '\0quiet-zod'

/** It would make code of schemas otherwise, which the policy of the page does not allow. */
const quietZod: Plugin = {
  name: 'quiet-zod',
  enforce: 'pre',
  resolveId: (source, importer) => (source === 'zod' && importer !== quietZodId ? quietZodId : undefined),
  load: (id) =>
    id === quietZodId ? `import { config } from 'zod'\nexport * from 'zod'\nconfig({ jitless: true })\n` : undefined,
}

/**
 * What `main.tsx` imports, of Mantine and of the theme, stands before the styles of the first pages, which are to win; the
 * file of these is linked first otherwise, being imported by the other one.
 */
const stylesInOrder: Plugin = {
  name: 'styles-in-order',
  apply: 'build',
  transformIndexHtml: {
    order: 'post',
    handler(html) {
      const [base, index] = ['base', 'index'].map(
        (name) => new RegExp(`\\s*<link rel="stylesheet"[^>]*/${name}-[^>]*>`).exec(html)?.[0],
      )
      if (base === undefined || index === undefined) throw new Error('the first styles are not in two files any more')
      return html.replace(index, '').replace(base, index + base)
    },
  },
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), quietZod, stylesInOrder],
  build: {
    target: 'es2023',
    // Nothing may stand in the page itself: its policy allows files of its own origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        // What many pages share is one file: a request for each small part of it takes longer than all of it.
        codeSplitting: {
          groups: [
            { name: 'plain', priority: 3, test: tables },
            // For pages that check what one types; all others are loaded without it.
            { name: (id, context) => (isSchema(id, context) ? 'contract' : null), debugName: 'contract', priority: 2 },
            { name: (id, context) => (neededFirst(context).has(id) ? 'base' : null), debugName: 'base', priority: 1 },
            {
              name: (id, context) => (own.test(id) ? null : needsSchemas(id, context) ? 'forms' : 'shared'),
              debugName: 'shared',
              priority: 0,
              minShareCount: shareCount,
            },
          ],
        },
      },
    },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ['/api', '/docs', '/openapi.json', '/healthz', '/readyz', '/metrics'].map((path) => [
        path,
        { target: server, changeOrigin: true, configure: sameOrigin },
      ]),
    ),
  },
})

let needed: ReadonlySet<string> | undefined

/** The modules of the first pages, and all that these import. */
function neededFirst(context: ChunkingContext): ReadonlySet<string> {
  if (needed) return needed
  const found = new Set<string>()
  const add = (id: string) => {
    if (found.has(id)) return
    found.add(id)
    for (const imported of context.getModuleInfo(id)?.importedIds ?? []) add(imported)
  }
  for (const page of firstPages) add(page)
  needed = found
  return found
}

const isSchema = (id: string, context: ChunkingContext): boolean =>
  zod.test(id) || (contract.test(id) && needsSchemas(id, context))

const schemasNeeded = new Map<string, boolean>()

/** Whether a module imports a schema, itself or by what it imports. */
function needsSchemas(id: string, context: ChunkingContext): boolean {
  const known = schemasNeeded.get(id)
  if (known !== undefined) return known
  // Modules that import each other: the first of them tells.
  schemasNeeded.set(id, false)
  const imported = context.getModuleInfo(id)?.importedIds ?? []
  const found = imported.some((one) => zod.test(one) || needsSchemas(one, context))
  schemasNeeded.set(id, found)
  return found
}

/** The server refuses changes that a page of another origin asks for; this one is its own, by another port. */
function sameOrigin(proxy: { on(event: 'proxyReq', listener: (request: HeaderSetter) => void): unknown }): void {
  proxy.on('proxyReq', (request) => request.setHeader('origin', new URL(server).origin))
}

interface ChunkingContext {
  getModuleInfo(id: string): { importedIds: string[] } | null
}

interface HeaderSetter {
  setHeader(name: string, value: string): unknown
}
