import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KernelRuns } from './kernel-runs.ts'
import { isSaved } from './runs.ts'

describe('runs of a kernel', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nabla-runs-'))
    path = join(folder, 'k.jsonl')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const date = '2026-01-01T00:00:00.000Z'
  const begin = (runs: KernelRuns, id: string, cellId: string | null = id) =>
    runs.add({ is: 'run', id, header: { msg_id: id, date }, cellId, code: 'x', owner: 'page' })
  const say = (runs: KernelRuns, of: string, id: string, text: string) =>
    runs.take(of, { msg_id: id, msg_type: 'stream', session: '', date }, () => ({ name: 'stdout', text }))
  const end = (runs: KernelRuns, of: string) =>
    runs.take(of, { msg_id: `end-${of}`, msg_type: 'status', session: '', date }, () => ({ execution_state: 'idle' }))

  test('are as they were after the server was killed, whatever was being written', () => {
    const before = new KernelRuns(path)
    begin(before, 'a')
    say(before, 'a', 'm1', 'one\n')
    say(before, 'a', 'm2', 'two\n')
    appendFileSync(path, '{"is":"message","of":"a","id":"m3","ty')
    const after = new KernelRuns(path)
    expect(after.all).toEqual(before.all)
    expect([after.isKnown('m2'), after.isKnown('m3')]).toEqual([true, false])
    say(after, 'a', 'm3', 'three\n')
    end(after, 'a')
    const again = new KernelRuns(path)
    expect(again.get('a')).toMatchObject({ ended: true, outputs: { items: [{ text: 'one\ntwo\nthree\n' }] } })
    for (const runs of [before, after, again]) runs.close()
  })

  test('of one cell: only the last counts', () => {
    const runs = new KernelRuns(path)
    begin(runs, 'a', 'cell')
    begin(runs, 'b', 'cell')
    begin(runs, 'c', null)
    begin(runs, 'd', null)
    expect(runs.all.map(({ id }) => id)).toEqual(['b', 'c', 'd'])
    runs.close()
  })

  test('that a page saved are forgotten; one that shows what may be updated stays', () => {
    const runs = new KernelRuns(path)
    begin(runs, 'a')
    begin(runs, 'b')
    const display = { data: {}, metadata: {}, transient: { display_id: 'bar' } }
    runs.take('b', { msg_id: 'm', msg_type: 'display_data', session: '', date }, () => display)
    for (const id of ['a', 'b']) end(runs, id)
    runs.savedByPage(runs.all)
    expect(runs.all.map((run) => [run.id, isSaved(run)])).toEqual([['b', true]])
    runs.take('other', { msg_id: 'u', msg_type: 'update_display_data', session: '', date }, () => display)
    expect(isSaved(runs.get('b')!)).toBe(false)
    runs.close()
  })

  test('messages about what is not kept are not written down', () => {
    const runs = new KernelRuns(path)
    say(runs, 'nobody', 'm', 'text')
    expect(readFileSync(path, 'utf8')).toBe('')
    runs.close()
  })
})
