import { type Team, type TeamMember, teamRoutes } from '@nabla/api/team'
import type { Group } from '../command.ts'
import { formatAgo, formatBytes } from '../terminal/format.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { use } from './team-use.ts'

const list = listCommand<Team>('team', teamRoutes, {
  about: 'Show the teams you belong to',
  columns: ({ io }) => [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: (team) => team.name },
    { title: 'YOU ARE', rank: 1, value: (team) => team.role },
    {
      title: 'STORAGE',
      rank: 2,
      align: 'right',
      value: ({ storageQuotaBytes: quota }) => (quota === null ? 'the whole disk' : formatBytes(quota)),
    },
    { title: 'CREATED', rank: 3, value: (team) => formatAgo(team.createdAt, io.now()) },
    { title: 'ID', rank: 4, value: (team) => team.id },
  ],
  empty: 'You belong to no team.',
  examples: [{ line: 'team list', about: 'with your role in each' }],
})

const create = callCommand<Team>('team', teamRoutes, 'create', {
  name: 'create',
  about: 'Make a team, with you as its admin',
  examples: [{ line: 'team create vision', about: 'then act in it: nabla team use vision' }],
  print: async ({ out }, { name }) => out.note(`Made team ${name}. Act in it: nabla team use ${name}`),
})

const update = callCommand<Team>('team', teamRoutes, 'update', {
  name: 'update',
  about: 'Rename a team or set its storage quota',
  completes: 'team',
  examples: [
    { line: 'team update vision --storage-quota 500GB', about: 'set the quota' },
    { line: 'team update vision --storage-quota none', about: 'as large as the disk' },
  ],
  print: async ({ out }, { name }) => out.note(`Updated team ${name}`),
})

const members = listCommand<TeamMember>(
  'team',
  teamRoutes,
  {
    about: 'Show who belongs to a team',
    columns: ({ io }) => [
      { title: 'NAME', rank: 0, shrinkTo: 12, value: (member) => member.name },
      { title: 'ROLE', rank: 1, value: (member) => member.role },
      { title: 'SINCE', rank: 2, value: (member) => formatAgo(member.addedAt, io.now()) },
      { title: 'ID', rank: 3, value: (member) => member.userId },
    ],
    empty: 'Nobody belongs to it.',
    examples: [{ line: 'team members vision', about: 'with their roles' }],
  },
  'members',
)

const addMember = callCommand<{ member: TeamMember; key: string | null }>('team', teamRoutes, 'addMember', {
  name: 'add-member',
  about: 'Add a person to a team, or change their role',
  details: '\nA name nobody has yet makes the user, and prints their first key.',
  completes: 'team',
  examples: [
    { line: 'team add-member vision ada', about: 'as a member' },
    { line: 'team add-member vision ada --role admin', about: 'as an admin' },
  ],
  async print({ out }, { member, key }) {
    out.note(`${member.name} is a${member.role === 'admin' ? 'n admin' : ' member'} of the team.`)
    if (key === null) return
    out.note('Their first key. It is shown only now:')
    await out.line(key)
  },
})

const removeMember = callCommand('team', teamRoutes, 'removeMember', {
  name: 'remove-member',
  about: 'Take a person out of a team; their keys for it stop working at once',
  completes: 'team',
  examples: [{ line: 'team remove-member vision ada', about: 'their jobs stay' }],
  print: async ({ out }, _, { user }) => out.note(`${String(user)} has left the team.`),
})

export const team: Group = {
  name: 'team',
  about: 'Teams and their members',
  commands: [list, use, create, update, members, addMember, removeMember],
}
