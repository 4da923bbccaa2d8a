import { z } from 'zod'
import { displayName, id, sizeBytes, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'

export const teamRole = z.enum(['admin', 'member'])

export const team = z
  .object({
    id,
    name: displayName,
    role: teamRole.describe('Your role in it.'),
    storageQuotaBytes: sizeBytes.nullable().describe('Null: as large as the disk.'),
    createdAt: time,
  })
  .meta({ id: 'Team' })

export type Team = z.infer<typeof team>

export const teamMember = z
  .object({ userId: id, name: displayName, role: teamRole, addedAt: time })
  .meta({ id: 'TeamMember' })

export type TeamMember = z.infer<typeof teamMember>

const byTeam = z.object({ team: z.string().min(1).max(100).describe('Name or id of the team.') })
const byMember = byTeam.extend({ user: z.string().min(1).max(100).describe('Name or id of the user.') })

export const teamRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/teams',
    about: 'The teams you belong to.',
    access: 'member',
    query: pageQuery,
    response: pageOf(team),
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/teams',
    about: 'Makes a team, with you as its admin.',
    access: 'admin',
    body: z.strictObject({ name: displayName.describe('Name of the team.') }),
    response: team,
    errors: ['name_taken'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/teams/:team',
    about: 'Renames a team or sets its storage quota.',
    access: 'admin',
    params: byTeam,
    body: z.strictObject({
      name: displayName.optional().describe('Its new name.'),
      storageQuotaBytes: sizeBytes.nullable().optional().describe('What its storage may hold; null: the whole disk.'),
    }),
    response: team,
    errors: ['not_found', 'other_team', 'name_taken'],
  }),
  members: route({
    method: 'GET',
    path: '/api/v1/teams/:team/members',
    about: 'Who belongs to a team.',
    access: 'member',
    params: byTeam,
    query: pageQuery,
    response: pageOf(teamMember),
    errors: ['not_found', 'other_team'],
  }),
  addMember: route({
    method: 'PUT',
    path: '/api/v1/teams/:team/members/:user',
    about: 'Adds a person to a team, or changes their role. A name nobody has yet makes the user.',
    access: 'admin',
    params: byMember,
    body: z.strictObject({ role: teamRole.default('member').describe('What they may do.') }),
    response: z.object({
      member: teamMember,
      key: z.string().nullable().describe('The first key of a user made by this call; shown only here.'),
    }),
    errors: ['not_found', 'other_team', 'conflict'],
  }),
  removeMember: route({
    method: 'DELETE',
    path: '/api/v1/teams/:team/members/:user',
    about: 'Takes a person out of a team; their keys for it stop working at once.',
    access: 'admin',
    params: byMember,
    response: z.object({ removed: z.literal(true) }),
    errors: ['not_found', 'other_team', 'conflict'],
  }),
}
