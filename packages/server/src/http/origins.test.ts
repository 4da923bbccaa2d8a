import { expect, test } from 'vitest'
import { standInApp } from '../testing/stand-in-app.ts'
import { createOriginRules } from './origins.ts'

const plain = createOriginRules({ contentUrl: undefined }, () => 7071)
const without = createOriginRules({ contentUrl: undefined }, () => null)
const named = createOriginRules({ contentUrl: 'https://content.nabla.lab/' }, () => 7071)

test.each<[string, Record<string, string>, string, string | null]>([
  ['127.0.0.1:7070', {}, 'http://127.0.0.1:7070', 'http://content.localhost:7070'],
  ['localhost:7070', {}, 'http://localhost:7070', 'http://content.localhost:7070'],
  // Through `ssh -L 9000:127.0.0.1:7070`.
  ['localhost:9000', {}, 'http://localhost:9000', 'http://content.localhost:9000'],
  ['[::1]:7070', {}, 'http://[::1]:7070', 'http://content.localhost:7070'],
  ['localhost', {}, 'http://localhost', 'http://content.localhost'],
  ['10.0.0.1:7070', {}, 'http://10.0.0.1:7070', 'http://10.0.0.1:7071'],
  ['[fd00::1]:7070', {}, 'http://[fd00::1]:7070', 'http://[fd00::1]:7071'],
  // A proxy in front: the second port is not where the browser would look for it.
  ['nabla.lab', {}, 'http://nabla.lab', null],
  ['nabla.lab', { 'x-forwarded-proto': 'https' }, 'https://nabla.lab', null],
  ['nabla.lab:7070', { 'x-forwarded-proto': 'https, http' }, 'https://nabla.lab:7070', null],
  ['nabla.lab', { origin: 'https://nabla.lab' }, 'https://nabla.lab', null],
  ['nabla.lab', { origin: 'https://evil.example' }, 'http://nabla.lab', null],
  ['localhost', { 'x-forwarded-proto': 'https' }, 'https://localhost', null],
])('reached as %s %j, the console is at %s and content at %s', (host, headers, own, content) => {
  const socket = { localPort: 7070 }
  expect(plain.of({ host, ...headers }, socket)).toMatchObject({ own, content })
  expect(without.of({ host, ...headers }, socket).content).toBe(content?.includes('content.localhost') ? content : null)
  expect(named.of({ host, ...headers }, socket)).toMatchObject({ own, content: 'https://content.nabla.lab' })
})

test.each([
  ['content.localhost:7070', true, true],
  ['CONTENT.localhost', true, true],
  ['content.localhost.', true, true],
  ['content.nabla.lab', false, true],
  ['content.nabla.lab:443', false, true],
  ['content.nabla.lab:80', false, false],
  ['localhost:7070', false, false],
  ['content.localhost.evil.example', false, false],
  ['x.content.localhost', false, false],
  [undefined, false, false],
])('%s asks for content: %s, and %s where the setting names one', (host, byName, bySetting) => {
  expect(plain.isContent(host)).toBe(byName)
  expect(named.isContent(host)).toBe(bySetting)
})

test('the app with the API does not answer to the name of the content', async () => {
  const { app } = standInApp({ config: { contentUrl: 'https://content.nabla.lab', allowHosts: ['content.nabla.lab'] } })
  for (const host of ['content.localhost:7070', 'content.nabla.lab']) {
    expect((await app.inject({ url: '/api/v1/me', headers: { host } })).statusCode).toBe(421)
  }
})
