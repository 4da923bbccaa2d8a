import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where `npm run dev` has its server; the pages and their live updates come from it through Vite. */
const server = process.env['NABLA_URL'] ?? 'http://127.0.0.1:7070'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    target: 'es2023',
    // Nothing may stand in the page itself: its policy allows files of its own origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
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
