import { type Key, keyRoutes } from '@nabla/api/key'
import type { Group } from '../command.ts'
import { formatAgo } from '../terminal/format.ts'
import { callCommand, listCommand } from '../from-contract.ts'

const list = listCommand<Key>('key', keyRoutes, {
  about: 'Show your API keys',
  columns: ({ io, out }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: (key) => key.name },
    { title: 'KEY', rank: 2, value: (key) => `${key.prefix}…` },
    { title: 'TEAM', rank: 4, value: (key) => key.team.name },
    {
      title: 'USED',
      rank: 3,
      value: (key) => (key.lastUsedAt === null ? 'never' : formatAgo(key.lastUsedAt, io.now())),
    },
    {
      title: 'EXPIRES',
      rank: 1,
      value: (key) => (key.expiresAt === null ? 'never' : key.expiresAt.slice(0, 10)),
      paint: (text, key) =>
        key.expiresAt !== null && Date.parse(key.expiresAt) < io.now() ? out.style('red', text) : text,
    },
    { title: 'ID', rank: 5, value: (key) => key.id },
  ],
  empty: 'No keys.',
  examples: [{ line: 'key list', about: 'with when each was last used' }],
})

const create = callCommand<Key & { secret: string }>('key', keyRoutes, 'create', {
  name: 'create',
  about: 'Make an API key for yourself; it is shown once',
  examples: [
    { line: 'key create laptop', about: 'one that does not expire' },
    { line: 'key create ci --expires-in-days 90', about: 'one for a machine' },
  ],
  async print({ out }, { name, secret, team }) {
    out.note(`Key ${name} for team ${team.name}. It is shown only now:`)
    await out.line(secret)
  },
})

const revoke = callCommand('key', keyRoutes, 'revoke', {
  name: 'revoke',
  about: 'Revoke one of your keys, at once',
  completes: 'key',
  examples: [{ line: 'key revoke laptop', about: 'by name or id' }],
  print: async ({ out }, _, { key }) => out.note(`Revoked key ${String(key)}`),
})

export const key: Group = { name: 'key', about: 'API keys of yours', commands: [list, create, revoke] }
