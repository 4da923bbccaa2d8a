import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkflowRun } from '@nabla/api/workflow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const cli = (cwd: string, argv: string[]) => runCli(argv, { cwd, env: { ...server.env, NO_COLOR: '1' } })

const flow = `
defaults:
  resources:
    instance-type: C1
  env:
    WHO: everybody
inputs:
  greeting:
    type: string
    with:
      value: hello
jobs:
  make:
    uses: script@v1
    inputs:
      greeting: workflow.inputs.greeting
    outputs:
      words:
        type: dataset
        with:
          ref: words:fresh
      scratch:
        type: volume
      note:
        type: string
    with:
      script: |-
        echo "$(cat inputs/greeting), $WHO" > /outputs/words/line.txt
        mkdir /outputs/scratch/deep && echo below > /outputs/scratch/deep/file
        printf 'a note' > /outputs/note
        echo "made"
  read:
    needs: [make]
    uses: container@v1
    inputs:
      words: make.outputs.words
      scratch: make.outputs.scratch
      note: make.outputs.note
    with:
      command: sh
      args:
        - -c
        - cat /inputs/words/line.txt /data/words/line.txt /inputs/scratch/deep/file /inputs/note; echo; touch /inputs/note/x /inputs/words/x 2>/dev/null || echo "it's read-only"
  apart:
    uses: script@v1
    with:
      script: echo "$0 ran in $PWD"
`

test('runs a file, hands files on, draws the graph, and shows it all again', { timeout: 90_000 }, async () => {
  const cwd = await aFolder('flows')
  await writeFile(join(cwd, 'flow.yaml'), flow)
  const ran = await cli(cwd, ['workflow', 'run', '-f', 'flow.yaml', '--input', 'greeting=good morning'])
  expect(ran.stderr).toContain('Made the workflow flow in the project flows')
  expect(ran.exitCode).toBe(0)
  const lines = ran.stdout.split('\n')
  const read = lines.filter((line) => line.startsWith('read ')).map((line) => line.replace(/^read +│ /, ''))
  const [line, again, ...rest] = read
  expect([line, again]).toEqual(['good morning, everybody', 'good morning, everybody'])
  expect(rest.join('\n')).toBe("below\na note\nit's read-only")
  expect(lines.find((one) => one.startsWith('apart '))).toMatch(/ran in \/$/)
  expect(ran.stdout).toMatch(/✔ +make +succeeded .*words = words:1/)
  const shown = await cli(cwd, ['workflow', 'show', 'flow', '1'])
  expect(shown.stdout).toMatch(/inputs +greeting = good morning/)
  expect(shown.stdout).toMatch(/note = "a note"/)
  const logs = await cli(cwd, ['workflow', 'logs', 'flow', '--job', 'make'])
  expect(logs.stdout).toMatch(/^make +│ made\n$/m)
  const files = await cli(cwd, ['dataset', 'files', 'words:fresh'])
  expect(files.stdout).toContain('line.txt')
  const rerun = await cli(cwd, ['workflow', 'rerun', 'flow', '1', '--json', '--detach'])
  const begun = JSON.parse(rerun.stdout) as WorkflowRun
  expect(begun).toMatchObject({ number: 2, rerunOf: 1, inputs: { greeting: 'good morning' } })
  expect(await cli(cwd, ['workflow', 'logs', 'flow', '2', '--follow'])).toMatchObject({ exitCode: 0 })
  const listed = await cli(cwd, ['workflow', 'list'])
  expect(listed.stdout).toMatch(/flow +✔ 2 succeeded +2 +flows/)
  const elsewhere = await cli(cwd, ['workflow', 'run', 'flow', '-f', 'flow.yaml', '--project', 'other', '--detach'])
  expect(elsewhere.stderr).toContain('Made the workflow flow in the project other')
  expect((await cli(cwd, ['workflow', 'delete', 'flow', '--force'])).exitCode).toBe(0)
})

test('exits with 1 when a job fails, and says what was skipped', async () => {
  const cwd = await aFolder('failing')
  const script = (text: string) => ({ uses: 'script@v1', with: { script: text }, resources: { 'instance-type': 'C1' } })
  const jobs = { bad: script('echo before; exit 3'), next: { ...script('true'), needs: 'bad' } }
  await writeFile(join(cwd, 'bad.json'), JSON.stringify({ jobs }))
  const ran = await cli(cwd, ['workflow', 'run', '-f', 'bad.json'])
  expect(ran.exitCode).toBe(1)
  expect(ran.stdout).toMatch(/– +next +skipped · bad, which it needs, did not succeed/)
  const job = await cli(cwd, ['job', 'show', 'bad-1-bad'])
  expect(job.stdout).toMatch(/workflow +bad, run 1, its job bad/)
})

test('carries on where a run failed', async () => {
  const cwd = await aFolder('mended')
  const script = (text: string) => ({ uses: 'script@v1', with: { script: text }, resources: { 'instance-type': 'C3' } })
  const jobs = {
    once: script('echo x >> /storage/once'),
    next: { ...script('test -e /storage/mended'), needs: 'once' },
  }
  await writeFile(join(cwd, 'mended.json'), JSON.stringify({ jobs }))
  expect((await cli(cwd, ['workflow', 'run', '-f', 'mended.json'])).exitCode).toBe(1)
  await writeFile(join(cwd, 'mended'), '')
  expect((await cli(cwd, ['storage', 'put', 'mended'])).exitCode).toBe(0)
  const again = await cli(cwd, ['workflow', 'rerun', 'mended', '--from-failed'])
  expect(again).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/✔ +once +succeeded .*It was done in run 1\./),
  })
  const none = await cli(cwd, ['workflow', 'rerun', 'mended', '2', '--from-failed'])
  expect(none.stderr).toContain('All jobs of run 2 succeeded: there is none to run again.')
})

test('says in which line of a file something is wrong', async () => {
  const cwd = await aFolder('wrong')
  const wrong = async (text: string) => {
    await writeFile(join(cwd, 'wrong.yaml'), text)
    const { exitCode, stderr } = await cli(cwd, ['workflow', 'run', '-f', 'wrong.yaml'])
    expect(exitCode).toBe(2)
    return stderr
  }
  const step = 'uses: script@v1, with: {script: "true"}'
  expect(await wrong(`jobs:\n  a: {${step}, needs: [b]}\n`)).toMatch(/wrong\.yaml:2:\d+: .*there is no job b/)
  expect(await wrong(`jobs:\n  a: {${step}, needs: b}\n  b: {${step}, needs: a}\n`)).toMatch(
    /wrong\.yaml:2:3: .*a → b → a/,
  )
  expect(await wrong('jobs:\n  a:\n    uses: fly@v1\n    with: {}\n')).toMatch(/wrong\.yaml:3:5: .*container@v1/)
  expect(await wrong(`jobs:\n  a: {${step}}\nlanes: 3\n`)).toMatch(/wrong\.yaml:3:1: lanes is not known here/)
  expect(await wrong(`jobs:\n  a: {${step}, inputs: {x: a.b.c}}\n`)).toMatch(/wrong\.yaml:2:.*workflow\.inputs\.NAME/)
  expect(await wrong('jobs: [\n')).toMatch(/wrong\.yaml:\d+:\d+: /)
})
