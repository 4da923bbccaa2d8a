import { createPrivateKey, generateKeyPairSync, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ModelKey, modelRoutes, type ModelRule, modelRules, signedText } from '@nabla/api/model'
import { CliError, usageError } from '../cli-error.ts'
import { type Command, defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { formatTime } from '../terminal/format.ts'

const whichVersion = arg.required('name, name:3, name@alias or an id', 'model')

const sign = defineCommand({
  name: 'sign',
  about: 'Sign a version with a key of the team',
  details: '\nOnly the signature travels: the private key stays in its file.',
  args: { model: whichVersion },
  flags: {
    as: flag.text('name', 'name of the key'),
    keyFile: flag.text('file', 'its private half, as `model create-key` wrote it', { completes: 'file' }),
  },
  examples: [
    { line: 'model sign digits:3 --as release --key-file release.pem', about: 'over the digest of its files' },
  ],
  async run(context, args, { as: key, keyFile }) {
    if (key === undefined || keyFile === undefined) {
      throw usageError(
        'A signature needs a key.',
        'Give --as NAME and --key-file FILE; make them with model create-key.',
      )
    }
    const client = await context.client()
    const found = await client.model.resolve({ reference: args.model })
    const { model, version, digest, reference, reason } = found
    if (found.state === 'failed') throw new CliError(`${reference} failed: ${reason}`, 'Sign a version that is ready.')
    if (digest === null) throw new CliError(`${reference} is still being prepared.`, 'Wait until it is ready.')
    const secret = readPrivateKey(resolve(context.cwd, keyFile))
    const signature = signBytes(null, Buffer.from(signedText(digest)), secret).toString('base64')
    const signed = await client.model.sign({ model: model.id, version: String(version), body: { key, signature } })
    if (context.out.json) await context.out.value(signed)
    else context.out.note(`Signed ${reference} with ${key}`)
  },
})

const verify = defineCommand({
  name: 'verify',
  about: 'Check here, not on the server, who has signed a version',
  args: { model: whichVersion },
  examples: [{ line: 'model verify digits@champion', about: 'exit code 1 if no key of the team has' }],
  async run(context, args) {
    const { out } = context
    const client = await context.client()
    const { digest, reference, signatures } = await client.model.resolve({ reference: args.model })
    const { items: keys } = await client.model.listKeys()
    const good = signatures.flatMap(({ key, signature, signedAt }) => {
      const publicKey = keys.find(({ id }) => id === key.id)?.publicKey
      const text = Buffer.from(signedText(digest ?? ''))
      const holds = publicKey !== undefined && verifyBytes(null, text, publicKey, Buffer.from(signature, 'base64'))
      return holds ? [{ key: key.name, signedAt }] : []
    })
    if (good.length === 0)
      throw new CliError(`No key of the team has signed ${reference}.`, 'Sign it: nabla model sign')
    if (out.json) await out.value({ reference, digest, signedBy: good })
    else for (const { key, signedAt } of good) out.note(`${reference} was signed by ${key} (${formatTime(signedAt)})`)
  },
})

const createKey = defineCommand({
  name: 'create-key',
  about: 'Make a key to sign models with: its private half stays in a file here',
  args: { name: arg.required('name of the key'), file: arg.required('file for its private half', 'file') },
  examples: [{ line: 'model create-key release release.pem', about: 'admins only: the team trusts it from now on' }],
  async run(context, { name, file }) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    writeNew(resolve(context.cwd, file), secret)
    const key = await (await context.client()).model.addKey({ body: { name, publicKey: pem } })
    if (context.out.json) await context.out.value(key)
    else context.out.note(`Made key ${name}. Its private half is in ${file}: keep it safe, it is nowhere else.`)
  },
})

const addKey = defineCommand({
  name: 'add-key',
  about: 'Trust a key that is there already, by its public half',
  args: { name: arg.required('name of the key'), file: arg.required('public key in PEM', 'file') },
  examples: [{ line: 'model add-key ci ci.pub', about: 'a key of Ed25519' }],
  async run(context, { name, file }) {
    const publicKey = readPublicKey(resolve(context.cwd, file))
    const key = await (await context.client()).model.addKey({ body: { name, publicKey } })
    if (context.out.json) await context.out.value(key)
    else context.out.note(`Models that ${name} signs are trusted`)
  },
})

const listKeys = listCommand<ModelKey>(
  'model',
  modelRoutes,
  {
    about: 'Show the keys that models of the team are signed with',
    columns: [
      { title: 'NAME', rank: 0, shrinkTo: 12, value: ({ name }) => name },
      { title: 'FINGERPRINT', rank: 2, shrinkTo: 16, value: ({ fingerprint }) => fingerprint },
      { title: 'CREATED', rank: 1, value: ({ createdAt }) => formatTime(createdAt) },
    ],
    empty: 'No keys. Make one: nabla model create-key NAME FILE',
    examples: [{ line: 'model keys', about: 'their public halves are in --json' }],
  },
  'listKeys',
  'keys',
)

const removeKey = callCommand('model', modelRoutes, 'removeKey', {
  name: 'remove-key',
  about: 'Trust a key no longer; its signatures go with it',
  examples: [{ line: 'model remove-key release', about: 'versions that it alone has signed are no longer signed' }],
  print: async ({ out }, _, input) => out.note(`${String(input['modelKey'])} is trusted no longer`),
})

const rule = defineCommand({
  name: 'rule',
  about: 'Show or set what a project asks of the models that its jobs use',
  args: { project: arg.required('name of the project', 'project') },
  flags: {
    require: flag.oneOf(Object.keys(modelRules) as ModelRule[], 'any, only scanned versions, or only signed ones'),
  },
  examples: [
    { line: 'model rule production', about: 'what it asks for now' },
    { line: 'model rule production --require signed', about: 'others are refused from now on' },
  ],
  async run(context, { project }, flags) {
    const client = await context.client()
    const { require } =
      flags.require === undefined
        ? await client.model.showRule({ project })
        : await client.model.setRule({ project, body: { require: flags.require } })
    if (context.out.json) await context.out.value({ require })
    else await context.out.line(`${require}: ${modelRules[require]}`)
  },
})

/** Who has signed models, and who has to. */
export const trustCommands: readonly Command[] = [sign, verify, createKey, addKey, listKeys, removeKey, rule]

function readPrivateKey(path: string) {
  try {
    return createPrivateKey(readFileSync(path))
  } catch {
    throw usageError(`${path} holds no private key.`, 'Give the file that `nabla model create-key` wrote.')
  }
}

function readPublicKey(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw usageError(`There is no file ${path} that could be read.`, 'Check its path.')
  }
}

/** Never over another key. */
function writeNew(path: string, secret: string): void {
  try {
    writeFileSync(path, secret, { mode: 0o600, flag: 'wx' })
  } catch {
    throw usageError(`${path} cannot be written, or is there already.`, 'Name a new file.')
  }
}
