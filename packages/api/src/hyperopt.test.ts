import { describe, expect, test } from 'vitest'
import { readHyperopt } from './hyperopt.ts'
import { searchSpace } from './search-space.ts'

describe('an expression of hyperopt', () => {
  test('is read with all its distributions', () => {
    const space = readHyperopt(`
      # of an old script
      space = {
        'lr': hp.loguniform('lr', np.log(0.001), 0),
        'units': hyperopt.hp.quniform('units', 10, 100, 10),
        'depth': scope.int(hp.uniformint('depth', 1, 2 * 4)),
        'seed': hp.randint('seed', 5),
        'noise': hp.lognormal('noise', -1.5, 1),
        'drop': hp.normal(label='drop', mu=0, sigma=1),
      }`)
    expect(searchSpace.parse(space)).toMatchObject({
      lr: { type: 'uniform', low: expect.closeTo(0.001, 12) as number, high: 1, log: true },
      units: { type: 'uniform', low: 10, high: 100, step: 10 },
      depth: { type: 'int', low: 1, high: 8 },
      seed: { type: 'int', low: 0, high: 4 },
      noise: { type: 'normal', mean: -1.5, deviation: 1, log: true },
      drop: { type: 'normal', mean: 0, deviation: 1 },
    })
  })

  test('is read with what belongs to one option alone', () => {
    const space = readHyperopt(`hp.choice('model', [
      {'type': 'svm', 'C': hp.lognormal('svm_C', 0, 1), 'kernel': hp.choice('kernel', ['linear', ('rbf', hp.uniform('gamma', 0, 1))])},
      {'type': 'tree', 'depth': hp.randint('tree_depth', 1, 9)},
      hp.pchoice('other', [(0.1, None), (0.9, True)]),
    ])`)
    expect(searchSpace.parse(space)).toMatchObject({
      model: { type: 'choice', values: ['svm', 'tree', 2] },
      svm_C: { when: { parameter: 'model', is: ['svm'] } },
      kernel: { values: ['linear', 1], when: { parameter: 'model', is: ['svm'] } },
      gamma: { when: { parameter: 'kernel', is: [1] } },
      tree_depth: { low: 1, high: 8, when: { parameter: 'model', is: ['tree'] } },
      other: { values: [null, true], when: { parameter: 'model', is: [2] } },
    })
  })

  test.each([
    ['{}', 'no expression of hyperopt'],
    ["hp.uniform('x', 0, high)", 'cannot be read from'],
    ['hp.uniform(0, 1)', 'has no label'],
    ["hp.triangular('x', 0, 1)", 'not known here'],
    ['__import__("os").system("id")', 'cannot be read from'],
    ["hp.choice('x', 3)", 'no list of options'],
    ['['.repeat(1000), 'cannot be read from'],
  ])('%s is refused', (text, message) => {
    expect(() => readHyperopt(text)).toThrow(message)
  })
})
