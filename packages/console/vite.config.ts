import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { contractRoutes } from '../../tools/contract-routes.ts'

/** Where `npm run dev` has its server; the pages and their live updates come from it through Vite. */
const server = process.env['NABLA_URL'] ?? 'http://127.0.0.1:7070'

/** Used by so many pages it is loaded with the first, but for what is large and drawn by few. */
const shareCount = 6
/** Around every page, and so as well loaded with the first script. */
const frame = /console\/src\/shell\/(shell|top-bar|banner|toasts|keyboard|places)\./
/** The schemas of the contract, for pages that check what one types; the rest of it is loaded without them. */
const schemas = /node_modules\/zod|quiet-zod|packages\/api\/src/
const tables = /api\/src\/(client|error-body|streamed|job-states)\.ts/
const own = /uplot|parts\/(chart|ansi|file-|smoothing)|node_modules\/yaml|\.(woff2|svg)$/

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), contractRoutes()],
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
            { name: 'contract', priority: 2, test: (id: string) => schemas.test(id) && !tables.test(id) },
            { name: 'base', priority: 2, test: frame },
            { name: 'base', priority: 1, minShareCount: shareCount, test: (id: string) => !own.test(id) },
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

/** The server refuses changes that a page of another origin asks for; this one is its own, by another port. */
function sameOrigin(proxy: { on(event: 'proxyReq', listener: (request: HeaderSetter) => void): unknown }): void {
  proxy.on('proxyReq', (request) => request.setHeader('origin', new URL(server).origin))
}

interface HeaderSetter {
  setHeader(name: string, value: string): unknown
}
