import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { CliError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'

const env = defineCommand({
  name: 'env',
  about: 'Print what points clients of Gradient at this server',
  details: `
Sets the variables that \`gradient\` (1.11.0 and 2.0.6) and \`paperspace-node\` read, with your key.
For their metrics, which they read over TLS only, it writes the certificate of the server to a file, beside
those that this machine trusts anyway, and names it too.`,
  examples: [
    { line: 'gradient env', about: 'to look at' },
    { line: 'gradient env > gradient.env', about: 'for a file; then `. ./gradient.env` in a shell' },
  ],
  async run(context) {
    const { out, settings } = context
    const { url, key } = await context.target()
    if (key === undefined) throw new CliError('There is no key.', 'Run `nabla login` first.', 'notFound')
    const variables: Record<string, string> = { ...addressesAt(url), PAPERSPACE_API_KEY: key }
    const certificate = url.startsWith('https:') ? undefined : await fetchCertificate(url, key)
    if (certificate !== undefined) {
      const file = join(dirname(settings.configFile), 'gradient-certificates.pem')
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      await writeFile(file, `${certificate}\n${rootCertificates.join('\n')}\n`)
      variables['REQUESTS_CA_BUNDLE'] = file
      variables['WEBSOCKET_CLIENT_CA_BUNDLE'] = file
    }
    if (out.json) await out.value(variables)
    else for (const [name, value] of Object.entries(variables)) await out.line(`export ${name}=${quoted(value)}`)
  },
})

export const gradient: Group = {
  name: 'gradient',
  about: 'Point clients of Gradient at this server',
  commands: [env],
}

/** Where the clients find what they had several hosts for. */
function addressesAt(url: string): Record<string, string> {
  const root = `${url.replace(/\/+$/, '')}/gradient`
  return {
    PAPERSPACE_CONFIG_HOST: root,
    PAPERSPACE_CONFIG_LOG_HOST: root,
    PAPERSPACE_CONFIG_EXPERIMENTS_HOST: `${root}/experiments/v1/`,
    PAPERSPACE_CONFIG_EXPERIMENTS_HOST_V2: `${root}/experiments/v2/`,
    PAPERSPACE_CONFIG_SERVICE_HOST: root,
    PAPERSPACE_API_HOST: `${root}/graphql`,
    PAPERSPACE_WEB_URL: url.replace(/\/+$/, ''),
    // It would ask the package index whether there is a newer one at each start.
    PAPERSPACE_CLI_DEV: 'true',
  }
}

async function fetchCertificate(url: string, key: string): Promise<string> {
  const answer = await fetch(`${url.replace(/\/+$/, '')}/gradient/certificate`, {
    headers: { 'x-api-key': key },
  }).catch(() => undefined)
  const body = (await answer?.json().catch(() => undefined)) as
    | { certificate?: string; error?: { message?: string } }
    | undefined
  if (answer?.ok && typeof body?.certificate === 'string') return body.certificate
  throw new CliError(
    body?.error?.message ?? `The server at ${url} does not answer.`,
    'Check the address and the key with `nabla whoami`.',
    'failure',
  )
}

/** For a shell: nothing in it means anything. */
const quoted = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`
