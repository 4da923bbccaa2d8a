import { expect, test } from 'vitest'
import { readDocument, withoutDefaults } from './deployment-document.ts'
import { changeLine, deploymentLine } from './deployment-line.ts'

test('a model is served by a short line', () => {
  const document = withoutDefaults({ project: 'digits', name: 'iris-eu', model: 'iris@champion', instances: 2 })
  expect(deploymentLine(document, { from: 'nothing' })).toBe(
    'deploy iris@champion --name iris-eu --project digits --instances 2',
  )
})

test('a command has all its options; what has none needs a file', () => {
  const given = {
    project: 'shop',
    command: 'python app.py',
    port: 8000,
    env: { LEVEL: 'debug' },
    healthChecks: { readiness: { path: '/health' }, liveness: { path: '/live' }, startLimitSeconds: 90 },
    auth: { kind: 'basic', username: 'ada', password: 'secret:PASS' },
    bounds: { timeoutSeconds: 10, perInstance: 4 },
    autoscaling: { min: 0, max: 5, metric: 'rate', target: 50 },
  }
  expect(deploymentLine(withoutDefaults(given), { from: 'nothing' })).toBe(
    'deploy --workspace none --project shop --env LEVEL=debug --port 8000 --auth basic --username ada --password secret:PASS --ready-path /health --live-path /live --start-limit 1m30s --timeout 10s --per-instance 4 --min 0 --max 5 --target rate=50 -- python app.py',
  )
  const guarded = withoutDefaults({ ...given, guard: { errorShare: 0.1 } })
  expect(deploymentLine(guarded, { from: 'nothing' })).toBeUndefined()
})

test('a line that is pasted gives the document that it was made of', async () => {
  const program = {
    name: 'shop',
    project: 'shop',
    command: 'python app.py',
    port: 8000,
    instances: 2,
    machineType: 'C2',
    env: { LEVEL: 'debug', TOKEN: 'secret:TOKEN' },
    healthChecks: { readiness: { path: '/health' }, startLimitSeconds: 90 },
    auth: { kind: 'basic', username: 'ada', password: 'secret:PASS' },
    bounds: { timeoutSeconds: 10, perInstance: 4, rate: { perSecond: 5, burst: 5 } },
    autoscaling: { min: 0, max: 5, metric: 'rate', target: 50 },
    drainSeconds: 5,
  }
  for (const given of [program, { name: 'iris-eu', project: 'digits', model: 'iris@champion', instances: 2 }]) {
    const line = deploymentLine(withoutDefaults(given), { from: 'nothing' })
    expect(await readDocument(`$ nabla ${line}`)).toEqual(given)
  }
  await expect(readDocument('nabla deploy -f a.yaml')).rejects.toThrow('on your machine')
  await expect(readDocument('nabla deploy iris --no-such 1')).rejects.toThrow('no option --no-such')
  await expect(readDocument('nabla deploy iris --instances many')).rejects.toThrow('no whole number')
  expect(await readDocument('nabla deploy iris --body-limit 2MB --detach')).toEqual({
    model: 'iris',
    bounds: { bodyBytes: 2_000_000 },
  })
})

test('a change says only what is otherwise', () => {
  expect(changeLine('iris', { model: 'iris:5', instances: 3 }, ['--canary 10'])).toBe(
    'deployment update iris --model iris:5 --instances 3 --canary 10',
  )
  expect(changeLine('shop', { command: 'python app.py --new', env: { A: '1' } }, [])).toBe(
    'deployment update shop --env A=1 -- python app.py --new',
  )
})
