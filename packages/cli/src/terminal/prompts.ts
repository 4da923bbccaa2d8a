import { CliError, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'

/** Asks for a text that is not shown while it is typed. `instead`: how to give it without a terminal. */
export async function askSecret(context: Context, message: string, instead: string): Promise<string> {
  const { password, isCancel } = await import('@clack/prompts')
  const answer = await password({ message, ...streams(context, instead) })
  if (isCancel(answer) || answer === undefined) throw cancelled()
  return answer
}

/** Asks for a text, with a suggestion that Enter takes. */
export async function askText(context: Context, message: string, initial: string, instead: string): Promise<string> {
  const { text, isCancel } = await import('@clack/prompts')
  const answer = await text({ message, initialValue: initial, ...streams(context, instead) })
  if (isCancel(answer) || answer === undefined) throw cancelled()
  return answer
}

/** Asks before something is lost. Without a terminal nobody can be asked: then `--yes` has to say it. */
export async function askToGoOn(context: Context, message: string): Promise<void> {
  const { confirm, isCancel } = await import('@clack/prompts')
  const answer = await confirm({ message, initialValue: false, ...streams(context, 'Give --yes to go on.') })
  if (isCancel(answer) || !answer) throw cancelled()
}

/** Whether a person can be asked something. */
export const canAsk = ({ io, out }: Context): boolean => io.stdin.isTTY === true && out.isInteractive && !out.json

/** All of standard input as text, without the line break at its end. */
export async function readStdin({ io }: Context): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

function streams(context: Context, instead: string) {
  if (!canAsk(context)) throw usageError('This needs an answer, and there is no terminal to ask at.', instead)
  context.out.clearStatus()
  return { input: context.io.stdin, output: context.io.stderr }
}

const cancelled = (): CliError => new CliError('Nothing was done.', '', 'interrupted')
