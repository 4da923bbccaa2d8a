import { contract } from '@nabla/api'
import { expect, test } from 'vitest'
import { readModules } from './sources.ts'

/** The law of the console; `house.test.ts` has what holds for all packages. */

const source = 'packages/console/src/'
const modules = readModules().filter(({ path, forTests }) => path.startsWith(source) && !forTests)
const imports = modules.flatMap(({ path, imports }) => imports.map(({ to }) => [path, to] as const))

test('there is something to look at', () => {
  expect(modules.length).toBeGreaterThan(40)
  expect(imports.length).toBeGreaterThan(150)
})

test('it imports the contract and what browsers have', () => {
  const open =
    /^packages\/(api|console)\/|^(react|react-dom|zod|uplot|ignore|yaml)(\/|$)|^@(mantine|tanstack|noble|xterm)\//
  expect(imports.filter(([, to]) => !open.test(to))).toEqual([])
})

test('pages are made of parts, and parts know no page', () => {
  const below = imports.filter(([from]) => from.startsWith(`${source}api/`) || from.startsWith(`${source}parts/`))
  expect(below.length).toBeGreaterThan(20)
  expect(below.filter(([, to]) => to.startsWith(`${source}pages/`) || to.startsWith(`${source}shell/`))).toEqual([])
  expect(imports.filter(([from, to]) => from.startsWith(`${source}api/`) && to.startsWith(`${source}parts/`))).toEqual(
    [],
  )
})

test('a page is loaded when it is opened', () => {
  const pages = modules.filter(({ path }) => path.endsWith('-page.tsx') && path.startsWith(`${source}pages/`))
  expect(pages.length).toBeGreaterThan(3)
  const opened = new Set(pages.map(({ path }) => path))
  const eager = modules.flatMap(({ path, imports }) =>
    imports.filter(({ to, dynamic }) => opened.has(to) && !dynamic).map(({ to }) => [path, to]),
  )
  expect(eager).toEqual([])
})

test('the pages of a noun stand in the folder of its name', () => {
  const folders = modules.flatMap(({ path }) => /\/src\/pages\/([^/]+)\//.exec(path)?.[1] ?? [])
  expect(folders).toContain('project')
  const ofNoNoun = new Set(['home', 'settings'])
  expect(folders.filter((folder) => !(folder in contract) && !ofNoNoun.has(folder))).toEqual([])
})
