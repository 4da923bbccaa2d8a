import packageJson from '../../package.json' with { type: 'json' }
import { defineCommand } from '../command.ts'

export const version = defineCommand({
  name: 'version',
  about: 'Show the version of this program and of the server',
  examples: [{ line: 'version --json', about: 'for a script' }],
  async run(context) {
    const { out } = context
    const { url } = await context.target()
    const client = await context.client()
    const server = await client.server.live().then(
      (answer) => answer.version,
      () => null,
    )
    const { version: cli } = packageJson
    if (out.json) await out.value({ cli, node: process.versions.node, server, url })
    else {
      await out.fields([
        ['nabla', cli],
        ['node', process.versions.node],
        ['server', server === null ? `none at ${url}` : `${server} at ${url}`],
      ])
    }
  },
})
