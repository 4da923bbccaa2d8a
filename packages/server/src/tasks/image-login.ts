import type { ImageLogin } from '../engines/engine.ts'
import type { SecretBox } from '../lib/secret-box.ts'

/** A login for the images of some tasks of a team alone, as it is stored with them. */
export function sealLogin(box: SecretBox, teamId: string, { username, password }: ImageLogin): string {
  return box.seal(JSON.stringify({ username, password }), contextOf(teamId))
}

/** Throws AppError `secret_unreadable`. */
export function openLogin(box: SecretBox, teamId: string, sealed: string): ImageLogin {
  return JSON.parse(box.open(sealed, contextOf(teamId))) as ImageLogin
}

const contextOf = (teamId: string): string => `${teamId}/login for an image`
