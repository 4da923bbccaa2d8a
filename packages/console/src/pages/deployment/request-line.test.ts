import { expect, test } from 'vitest'
import { curlOf, operationsOf, predictLine, readHeaders, type Request } from './request-line.ts'

const request: Request = {
  method: 'POST',
  path: '/predict',
  headers: { 'content-type': 'application/json', 'x-trace': "it's" },
  body: '{"x": [1, 2]}',
}

test('a request is written for curl and for the command line', () => {
  expect(curlOf('http://here/serve/iris/', request, true)).toBe(
    `curl http://here/serve/iris/predict -H "Authorization: Bearer $NABLA_API_KEY" -H 'content-type: application/json' -H 'x-trace: it'\\''s' --data-binary '{"x":[1,2]}'`,
  )
  expect(predictLine('iris', request)).toBe(
    `deployment predict iris --path /predict --header 'x-trace: it'\\''s' --data '{"x":[1,2]}'`,
  )
  const plain: Request = { method: 'DELETE', path: '/', headers: {}, body: '' }
  expect(curlOf('http://here/serve/iris/', plain, false)).toBe('curl -X DELETE http://here/serve/iris/')
  expect(predictLine('iris', plain)).toBe('deployment predict iris --method DELETE')
})

test('headers are read line by line', () => {
  expect(readHeaders('Accept: text/plain\n\n x-a:1 ')).toEqual({ headers: { Accept: 'text/plain', 'x-a': '1' } })
  expect(readHeaders('no header')).toEqual({ fault: 'no header is no header: write Name: value.' })
})

test('operations come from an OpenAPI document, those with an example first', () => {
  const content = { 'application/json': { example: { x: [0] } } }
  const paths = {
    '/health': { get: { summary: 'Health' } },
    '/models/{name}': { get: {} },
    '/predict': { post: { summary: 'Predict', requestBody: { content } } },
  }
  expect(operationsOf(JSON.stringify({ paths }))).toEqual([
    { method: 'POST', path: '/predict', summary: 'Predict', body: '{\n  "x": [\n    0\n  ]\n}' },
    { method: 'GET', path: '/health', summary: 'Health', body: '' },
  ])
  expect(operationsOf('<html>')).toEqual([])
})
