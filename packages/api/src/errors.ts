import { z } from 'zod'
import { deploymentErrors } from './deployment-errors.ts'
import { modelErrors } from './model-errors.ts'
import { notebookErrors } from './notebook-errors.ts'
import { servedErrors } from './served-errors.ts'
import { startErrors } from './start-errors.ts'

interface ErrorEntry {
  /** HTTP status. */
  status: number
  /** What happened. `{name}` is replaced by the parameter of that name. */
  message: string
  /** What to do next. */
  hint: string
}

/** Every error a user can meet: code, status, message and what to do next. Docs, server and CLI read this table. */
export const errorCatalogue = {
  // Who is asking
  unauthenticated: {
    status: 401,
    message: 'No API key was given, or it is not valid here.',
    hint: 'Run `nabla login`, or set NABLA_API_KEY.',
  },
  key_expired: {
    status: 401,
    message: 'This API key expired on {date}.',
    hint: 'Make a new one with `nabla key create`, using another key that still works.',
  },
  session_ended: {
    status: 401,
    message: 'This session has ended.',
    hint: 'Sign in again.',
  },
  wrong_password: {
    status: 403,
    message: 'The name or the password is wrong.',
    hint: 'Try again, or sign in with an API key. `nabla user password` sets a new password.',
  },
  wrong_code: {
    status: 403,
    message: 'This sign-in link has been used, or is too old.',
    hint: 'Make another with `nabla open`.',
  },
  too_many_attempts: {
    status: 429,
    message: 'There were too many attempts to sign in.',
    hint: 'Wait {seconds} seconds, then try again.',
  },
  no_team: {
    status: 403,
    message: 'You belong to no team.',
    hint: 'Ask an admin to add you with `nabla team add-member`.',
  },
  no_session: {
    status: 409,
    message: 'This request has a key, and no session.',
    hint: 'Send it with the cookie of a session and without a key.',
  },
  forbidden: { status: 403, message: 'You may not {action}.', hint: 'Ask an admin of the team.' },
  too_many_failures: {
    status: 429,
    message: 'Too many wrong API keys came from this address.',
    hint: 'Wait {seconds} seconds, and check the key with `nabla login`.',
  },
  wrong_origin: {
    status: 403,
    message: 'A page of {origin} may not change anything on this server.',
    hint: 'Use the pages of this server itself, at its own address.',
  },
  not_own_page: {
    status: 403,
    message: 'With the cookie of a session, only pages of this server may ask for this.',
    hint: 'Use the console at its own address. A script sends an API key in `Authorization: Bearer`, and no cookie.',
  },
  other_team: {
    status: 404,
    message: 'This key acts in the team {mine}, not in {team}.',
    hint: 'Make a key for that team with `nabla key create --team {team}`, and log in with it.',
  },
  wrong_host: {
    status: 421,
    message: 'This server does not answer to the name {host}.',
    hint: 'Use its own address, or add the name with `nabla up --allow-host {host}`.',
  },

  // What was asked for
  not_found: {
    status: 404,
    message: 'There is no {noun} {id}.',
    hint: 'Run `nabla {noun} list` to see what there is.',
  },
  no_route: {
    status: 404,
    message: 'There is nothing at {method} {path}.',
    hint: 'See /docs on this server for every route.',
  },
  invalid: { status: 400, message: '{detail}', hint: 'Correct the request and send it again.' },
  body_too_large: {
    status: 413,
    message: 'The request is larger than {limit}.',
    hint: 'Put large data into storage (`nabla storage put`), and leave it out of the workspace with .nablaignore.',
  },
  conflict: { status: 409, message: '{detail}', hint: 'Look at its present state, then try again.' },
  name_taken: {
    status: 409,
    message: 'There is a {noun} named {name} already.',
    hint: 'Choose another name, or use that one.',
  },

  // Jobs
  unknown_machine_type: {
    status: 400,
    message: 'There is no machine type {name} here. There are: {names}.',
    hint: 'Choose one of them with --machine-type, or leave it out for {fallback}.',
  },
  image_not_supported: {
    status: 400,
    message: '{reason}',
    hint: 'Leave --image out to run on the machine itself, or turn on the engine `docker` to run in images.',
  },
  bad_experiment: {
    status: 400,
    message: 'This experiment cannot be: {reason}.',
    hint: '{fix}',
  },
  unknown_secret: {
    status: 400,
    message: 'There is no secret {name} in this team or project.',
    hint: 'Set it with `nabla secret set {name}`.',
  },
  secret_unreadable: {
    status: 409,
    message: 'The value of the secret {name} cannot be read with the key of this server.',
    hint: 'Set it again with `nabla secret set {name}`, or restore `secret.key` in the data folder.',
  },
  engine_away: {
    status: 503,
    message: 'The engine {engine} cannot be asked for its images ({reason}).',
    hint: 'Run `nabla doctor` on the machine of the server to see what is wrong.',
  },
  unknown_registry: {
    status: 400,
    message: 'There is no registry {name} in this team.',
    hint: 'Store its login with `nabla registry create {name} --host HOST --username NAME`.',
  },

  ...servedErrors,

  // Datasets
  unknown_version: {
    status: 404,
    message: 'The dataset {dataset} has no version {version}.',
    hint: 'Run `nabla dataset versions {dataset}` to see what there is.',
  },
  fetch_refused: {
    status: 422,
    message: 'The server does not fetch from {host}: {reason}.',
    hint: 'Use another address. The owner of the server can allow a host of the private network with `fetchHosts`.',
  },
  fetch_failed: {
    status: 422,
    message: 'What is at {url} cannot be fetched: {reason}.',
    hint: 'Check the address and the login, then make the version again.',
  },
  source_mismatch: {
    status: 422,
    message: 'What is at {url} is not what was expected: its {what} is {actual}, and should be {expected}.',
    hint: 'If it was changed for good, make the version again with what it is now.',
  },

  ...modelErrors,

  ...deploymentErrors,
  ...notebookErrors,

  // Files
  bad_path: {
    status: 400,
    message: 'The path {path} is not allowed: {reason}.',
    hint: 'Give a path relative to the folder, with forward slashes and without `..`.',
  },
  file_not_found: { status: 404, message: 'There is no file {path}.', hint: 'List the folder to see what there is.' },
  no_content_origin: {
    status: 409,
    message: 'This server has no separate address at which your browser could show files that users made.',
    hint: 'Download the file. To show files, set `contentUrl` to an address of its own that leads to this server.',
  },
  content_ended: {
    status: 404,
    message: 'This address has ended, or never led anywhere.',
    hint: 'Open the file again from the console.',
  },
  bad_range: {
    status: 416,
    message: 'The file {path} has {size} bytes: the part that was asked for is not in it.',
    hint: 'Ask for a part that begins before its end, or for all of it.',
  },
  bad_pattern: {
    status: 400,
    message: 'The pattern {pattern} is not allowed: {reason}.',
    hint: 'Use a pattern such as `models/**/*.pt`.',
  },
  bad_archive: {
    status: 400,
    message: 'The archive cannot be unpacked: {reason}.',
    hint: 'Send a .zip, .tar or .tar.gz that holds plain files, folders and links that stay inside.',
  },
  archive_too_large: {
    status: 413,
    message: 'The archive is too large: {reason}.',
    hint: 'Leave data out with .nablaignore and put it into storage with `nabla storage put`.',
  },
  file_changed: {
    status: 412,
    message: 'The file {path} is not the one that was asked for: it has changed.',
    hint: 'Begin again with the file as it is now.',
  },
  wrong_offset: {
    status: 409,
    message: 'The upload of {path} has {offset} bytes here, so that is where the next part begins.',
    hint: 'Ask how far it is, and send the rest.',
  },
  artifacts_gone: {
    status: 410,
    message: 'The artifacts of {job} were deleted on {date}, by the rule that says how long they are kept.',
    hint: 'See the rules with `nabla artifact retention show`.',
  },
  checksum_mismatch: {
    status: 422,
    message: 'What arrived is not what was sent: expected SHA-256 {expected}, got {actual}.',
    hint: 'Send it again.',
  },
  bad_chunk: {
    status: 400,
    message: 'What arrived is no sequence of chunks: {reason}.',
    hint: 'Send it again; if it happens again, update the client.',
  },
  bad_tree: {
    status: 400,
    message: 'The tree {digest} cannot be used: {reason}.',
    hint: 'Rename or leave out what is named, then send it again.',
  },
  tree_incomplete: {
    status: 409,
    message: 'The tree {digest} is not complete: {missing} of its chunks are not here.',
    hint: 'Ask which are lacking, send them, and commit it again.',
  },
  damaged_chunk: {
    status: 500,
    message: 'A part of {path} is damaged on the disk of the server: chunk {hash}, {reason}.',
    hint: 'Run `nabla fsck` on the server to see what is affected, and restore it from a backup.',
  },
  disk_full: {
    status: 507,
    message: 'The disk of the server is full.',
    hint: 'Delete jobs with large artifacts (`nabla job delete`) or files in storage (`nabla storage du`), then try again soon.',
  },
  quota_exceeded: {
    status: 507,
    message: 'The storage of this team is full: {used} of {quota}.',
    hint: 'Delete what is not needed with `nabla storage rm`, or ask an admin for a larger quota.',
  },
  store_unavailable: {
    status: 503,
    message: 'The object store does not work: {reason}.',
    hint: 'Run `nabla doctor`; check the settings of the store, and that this server can reach it.',
  },
  store_owned: {
    status: 409,
    message: 'Another server keeps its objects in {place}.',
    hint: 'Give each server a prefix of its own. If that server is gone for good, delete the object {key} there.',
  },

  // Git
  git_missing: {
    status: 503,
    message: 'Git is not installed on the server.',
    hint: 'Install `git` there, or send the files themselves with `--workspace .`.',
  },
  git_refused: {
    status: 422,
    message: 'The repository {url} was not found, or it refused the login.',
    hint: 'Check the address. For a private repository give `--workspace-username` and `--workspace-password` (a token).',
  },
  git_ref_not_found: {
    status: 422,
    message: 'The repository {url} has no branch, tag or commit {ref}.',
    hint: 'Check `--workspace-ref`, and that it was pushed.',
  },
  git_failed: {
    status: 422,
    message: 'The repository {url} cannot be fetched: {reason}.',
    hint: 'Check that the server can reach it, then try again.',
  },

  ...startErrors,

  // What programs track
  param_changed: {
    status: 409,
    message: 'The parameter {name} was logged as {before} and cannot become {value}.',
    hint: 'A parameter is logged once. Use another name, a tag, or a run of its own.',
  },
  too_many_names: {
    status: 400,
    message: 'One run has at most {most} different {what}.',
    hint: 'A name says what is measured. When it was measured goes into the step or the time of each value.',
  },
  bad_filter: {
    status: 400,
    message: 'The filter cannot be read: {reason}.',
    hint: 'Write conditions such as `metrics.loss < 0.1 and params.model = "cnn"`.',
  },
  run_deleted: {
    status: 409,
    message: 'The run {run} was deleted.',
    hint: 'Bring it back first, or log into another run.',
  },

  // Our side
  busy: { status: 503, message: 'The server is busy: {detail}.', hint: 'Try again in a moment.' },
  internal: {
    status: 500,
    message: 'Something went wrong in the server.',
    hint: 'Look for request {requestId} in the log of the server.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorCatalogue

/** The body of every response that is not a success. */
export const errorBody = z
  .object({
    error: z.object({
      code: z.string().describe('One of the codes of the error table; stable.'),
      message: z.string().describe('What happened, for a person.'),
      hint: z.string().describe('What to do next.'),
      requestId: z.string().optional().describe('Finds the request in the log of the server.'),
    }),
  })
  .meta({ id: 'Error' })

export type ErrorBody = z.infer<typeof errorBody>

/** Replaces each `{name}` by its parameter; one that is missing stays as it is. */
export function fillTemplate(template: string, params: Record<string, string | number>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole))
}
