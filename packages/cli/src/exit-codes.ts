/** What the CLI exits with. Scripts rely on it: a number is never given another meaning. */
export const exitCodes = {
  ok: { code: 0, about: 'It worked. For `run` and `job wait`: the job succeeded.' },
  failure: { code: 1, about: 'It did not work; the message says why.' },
  usage: { code: 2, about: 'The command or one of its values is wrong; nothing was done.' },
  unauthenticated: { code: 3, about: 'There is no API key, it is not valid, or it may not do this.' },
  notFound: { code: 4, about: 'What was named is not there.' },
  conflict: { code: 5, about: 'It cannot be done in the present state, or the name is taken.' },
  unreachable: { code: 6, about: 'The server does not answer.' },
  jobError: { code: 125, about: 'The job could not be set up or could not run to its end.' },
  interrupted: { code: 130, about: 'Interrupted by Ctrl-C, or the job was cancelled.' },
  outputClosed: { code: 141, about: 'Whoever read the output stopped reading, as `head` does.' },
} as const satisfies Record<string, { code: number; about: string }>

export type ExitReason = keyof typeof exitCodes

/** The exit code for an answer of the server. `status` 0: there was no answer. */
export function exitReasonOf(status: number): ExitReason {
  if (status === 0) return 'unreachable'
  if (status === 401 || status === 403) return 'unauthenticated'
  if (status === 404) return 'notFound'
  if (status === 409) return 'conflict'
  if (status === 400) return 'usage'
  return 'failure'
}
