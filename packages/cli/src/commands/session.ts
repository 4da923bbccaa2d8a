import { browserName } from '@nabla/api/browser-name'
import { type Session, sessionRoutes } from '@nabla/api/session'
import type { Group } from '../command.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { formatAgo } from '../terminal/format.ts'

const list = listCommand<Session>('session', sessionRoutes, {
  about: 'Show the browsers in which you are signed in',
  columns: ({ io }) => [
    { title: 'ID', rank: 0, value: (session) => session.id },
    { title: 'FROM', rank: 2, value: (session) => session.address },
    { title: 'WITH', rank: 3, value: ({ key }) => (key === null ? 'a password' : `key ${key.name}`) },
    { title: 'TEAM', rank: 5, value: (session) => session.team.name },
    { title: 'USED', rank: 1, value: (session) => formatAgo(session.lastUsedAt, io.now()) },
    { title: 'BROWSER', rank: 4, shrinkTo: 20, value: (session) => browserName(session.agent) },
  ],
  empty: 'You are signed in nowhere. Open the console with: nabla open',
  examples: [{ line: 'session list', about: 'with when each was last used' }],
})

const end = callCommand('session', sessionRoutes, 'end', {
  name: 'end',
  about: 'Sign one browser out, at once',
  examples: [{ line: 'session end ss3k9f0q2m7x1b5v8d', about: 'by its id, as the list shows it' }],
  print: async ({ out }, _, { session }) => out.note(`Ended session ${String(session)}`),
})

export const session: Group = { name: 'session', about: 'Browsers in which you are signed in', commands: [list, end] }
