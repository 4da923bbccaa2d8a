/** Writes what comes from the code: pages of `docs/reference/`, and the table of calls. The house test compares them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pages } from './reference/pages.ts'

for (const { path, render } of pages) {
  const file = join(import.meta.dirname, '..', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, render())
  console.log(`wrote ${path}`)
}
