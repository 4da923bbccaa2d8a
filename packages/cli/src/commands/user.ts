import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import { arg } from '../flags.ts'
import { askSecret, canAsk, readStdin } from '../terminal/prompts.ts'

const password = defineCommand({
  name: 'password',
  about: 'Set or change your password for the web console',
  details: `
At least 12 characters. It is asked for twice, or read from standard input.
All browsers in which you are signed in are signed out.`,
  examples: [
    { line: 'user password', about: 'asks for it; it is not shown' },
    { line: 'user password < password.txt', about: 'from a file' },
  ],
  async run(context) {
    const { out } = context
    const client = await context.client()
    let chosen: string
    if (canAsk(context)) {
      const instead = 'Give it on standard input.'
      chosen = await askSecret(context, 'New password (it is not shown)', instead)
      const again = await askSecret(context, 'Once more', instead)
      if (again !== chosen) throw usageError('The two are not the same.', 'Try again; nothing was changed.')
    } else chosen = await readStdin(context)
    if (chosen === '') throw usageError('No password was given.', 'Give it on standard input.')
    const answer = await client.user.setPassword({ body: { password: chosen } })
    if (out.json) await out.value(answer)
    else out.note('Your password is changed. Sign in to the console with your name and it.')
  },
})

const rename = defineCommand({
  name: 'rename',
  about: 'Change your name',
  details: 'It is how others see you, and how you sign in to the web console with a password.',
  args: { name: arg.required('your new name') },
  examples: [{ line: 'user rename ada', about: 'keys and sessions stay as they are' }],
  async run({ out, client }, { name }) {
    const answer = await (await client()).user.rename({ body: { name } })
    if (out.json) await out.value(answer)
    else out.note(`You are ${answer.user.name} now.`)
  },
})

export const user: Group = { name: 'user', about: 'Your name and password', commands: [password, rename] }
