import { expect, test } from 'vitest'
import { endpointOf } from './endpoint.ts'

test.each([
  ['sqlite', null],
  ['postgres://ada:secret@db.example.com:6432/nabla', { host: 'db.example.com', port: 6432 }],
  ['postgresql://ada@10.0.0.5/nabla?sslmode=disable', { host: '10.0.0.5', port: 5432 }],
  ['postgres:///nabla?host=/var/run/postgresql', { host: '/var/run/postgresql', port: 5432 }],
])('%s listens at', (database, expected) => {
  expect(endpointOf(database)).toEqual(expected)
})
