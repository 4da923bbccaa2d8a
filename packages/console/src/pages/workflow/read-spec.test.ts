import { expect, test } from 'vitest'
import { readSpec } from './read-spec.ts'

test('what is wrong is told with its line', async () => {
  const { spec, faults } = await readSpec(`jobs:
  one:
    uses: script@v1
    with:
      script: echo hello
    needs:
      - two
  three:
    uses: fly@v1
`)
  expect(spec).toBeUndefined()
  expect(faults.map(({ line }) => line)).toContain(9)
  const again = await readSpec(
    'jobs:\n  one:\n    uses: script@v1\n    with:\n      script: x\n    needs:\n      - two\n',
  )
  expect(again.faults).toEqual([{ line: 7, message: 'jobs.one.needs.0: there is no job two, only one' }])
  const stray = await readSpec('jobs:\n  one: {uses: script@v1, with: {script: x}}\nlanes: 3\n')
  expect(stray.faults).toEqual([{ line: 3, message: 'lanes: it is not known here' }])
})

test('text that is no YAML is told with its line, and nothing is nothing', async () => {
  expect((await readSpec('jobs: [\n')).faults[0]).toMatchObject({ line: 2 })
  expect(await readSpec('  \n')).toEqual({ spec: undefined, faults: [] })
})

test('JSON is read too', async () => {
  const { spec } = await readSpec('{"jobs": {"one": {"uses": "script@v1", "with": {"script": "true"}}}}')
  expect(Object.keys(spec?.jobs ?? {})).toEqual(['one'])
})
