import { expect, test } from 'vitest'
import { aLogStore, write } from './log-fixtures.ts'
import type { LogStore, SearchQuery } from './log-store.ts'

const everything = { limit: 1000 }

async function found(store: LogStore, query: Partial<SearchQuery> & { pattern: RegExp }): Promise<number[]> {
  const { lines } = await store.search('j1', { ...everything, ...query })
  return lines.map(({ seq }) => seq)
}

test('finds lines forwards and backwards, each once, with its own number and text', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'one\ntwo two\n\nthree\nTWO')
  await store.finish('j1', 1)
  write(store, 'stderr', 'zwei\ntwo\n', 2)
  await store.finish('j1', 2)
  const pattern = /two/gi
  expect(await found(store, { pattern })).toEqual([2, 5, 7])
  expect(await found(store, { pattern, after: 2 })).toEqual([5, 7])
  expect(await found(store, { pattern, before: 7 })).toEqual([5, 2])
  expect(await found(store, { pattern, before: 5 })).toEqual([2])
  expect(await found(store, { pattern, before: 1 })).toEqual([])
  expect(await found(store, { pattern, source: 'stderr' })).toEqual([7])
  const { lines, complete } = await store.search('j1', { pattern, ...everything })
  expect(lines.map(({ text }) => text)).toEqual(['two two', 'TWO', 'two'])
  expect(complete).toBe(true)
  expect(await store.search('none', { pattern, ...everything })).toMatchObject({ lines: [], complete: true })
})

test('goes on from where it stopped, for its lines and for what it may read', async () => {
  const store = aLogStore({ limits: { logSearchBytes: 100, logBlockBytes: 64, logLineBytes: 32 } })
  const lines = Array.from({ length: 200 }, (_, index) => (index % 10 === 0 ? `hit ${index}` : `miss ${index}`))
  write(store, 'stdout', `${lines.join('\n')}\n`)
  await store.finish('j1', 1)
  const wanted = lines.flatMap((line, index) => (line.startsWith('hit') ? [index + 1] : []))
  for (const [start, step] of [
    [{ after: 0 }, 'after'],
    [{ before: 201 }, 'before'],
  ] as const) {
    const all: number[] = []
    let asked = 0
    let at: { after?: number; before?: number } = start
    for (;;) {
      const page = await store.search('j1', { pattern: /hit/g, limit: 3, ...at })
      asked += 1
      all.push(...page.lines.map(({ seq }) => seq))
      if (page.complete) break
      at = { [step]: page.next }
    }
    expect(all).toEqual(step === 'after' ? wanted : wanted.toReversed())
    expect(asked).toBeGreaterThan(5)
  }
})

test('never finds what is hidden', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'token=verysecret\n')
  await store.finish('j1', 1)
  const mask = (text: string) => text.replaceAll('verysecret', '***')
  expect(await found(store, { pattern: /verysecret/g, mask })).toEqual([])
  expect(await found(store, { pattern: /\*\*\*/g, mask })).toEqual([1])
})
