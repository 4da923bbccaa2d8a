/** Writes the pages of `docs/reference/` that come from the code. The house test compares them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pages } from './reference/pages.ts'

for (const { path, render } of pages) {
  const file = join(import.meta.dirname, '..', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, render())
  console.log(`wrote ${path}`)
}
