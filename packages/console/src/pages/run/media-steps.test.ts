import { expect, test } from 'vitest'
import { findMedia, tablesOf } from './media-steps.ts'

const file = (path: string, sizeBytes = 10) => ({ path, type: 'file' as const, sizeBytes, modifiedAt: '' })
const found = (...files: ReturnType<typeof file>[]) =>
  findMedia(files).map(({ key, items }) => [key, items.map(({ step, file }) => `${step} ${file.path}`)])

test('pictures as mlflow names them, each step once, the large copy', () => {
  expect(
    found(
      file('images/val#dogs%step%10%timestamp%1700%aa.png', 900),
      file('images/val#dogs%step%2%timestamp%1700%ab.png', 900),
      file('images/val#dogs%step%2%timestamp%1700%ab%compressed.webp', 90),
    ),
  ).toEqual([
    [
      'images/val/dogs',
      ['2 images/val#dogs%step%2%timestamp%1700%ab.png', '10 images/val#dogs%step%10%timestamp%1700%aa.png'],
    ],
  ])
})

test('pictures as mlflow 3 names them, and tables that it says it logged', () => {
  const table = file('runs/ru1/preds.json')
  const small = file('images/dogs~big+step+2+timestamp+17+ab+compressed.webp', 90)
  expect(found(small, file('images/dogs~big+step+2+timestamp+17+ab.png', 9))).toEqual([
    ['images/dogs/big', ['2 images/dogs~big+step+2+timestamp+17+ab.png']],
  ])
  const labels = { 'mlflow.loggedArtifacts': '[{"path": "preds.json", "type": "table"}]' }
  const tables = tablesOf({ id: 'ru1', job: { id: 'j1', name: 'a' }, labels })
  expect(findMedia([table, file('other.json')], tables)).toEqual([
    { key: table.path, items: [{ step: null, file: table }] },
  ])
  expect(tablesOf({ id: 'ru1', job: null, labels: { 'mlflow.loggedArtifacts': 'no JSON' } })).toEqual([])
})

test('files with a number at the end, if there are several or it says what it counts', () => {
  expect(
    found(file('samples/a_002.txt'), file('samples/a_010.txt'), file('lonely_5.txt'), file('at-epoch-3.csv')),
  ).toEqual([
    ['at.csv', ['3 at-epoch-3.csv']],
    ['samples/a.txt', ['2 samples/a_002.txt', '10 samples/a_010.txt']],
  ])
  expect(found(file('model.bin'), file('weights_1.pt'), file('weights_2.pt'), file('12.png'))).toEqual([])
})

test('of the runs of a job each has its own, and what belongs to none', () => {
  const mine = `runs/ru${'a'.repeat(16)}/dogs_1.png`
  const theirs = `runs/ru${'b'.repeat(16)}/dogs_2.png`
  const files = [mine, theirs, 'cats_1.png', 'cats_2.png'].map((path) => file(path))
  const keys = (run?: string) => findMedia(files, [], run).map(({ key, items }) => [key, items.length])
  expect(keys(`ru${'a'.repeat(16)}`)).toEqual([['cats.png', 2]])
  const more = [...files, file(mine.replace('_1', '_2'))]
  expect(findMedia(more, [], `ru${'a'.repeat(16)}`).map(({ key }) => key)).toEqual(['cats.png', 'dogs.png'])
})
