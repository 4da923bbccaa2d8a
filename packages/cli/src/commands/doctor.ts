import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Finding } from '@nabla/api/server'
import { isApiError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { readProject } from '../project-file.ts'

export const doctor = defineCommand({
  name: 'doctor',
  about: 'Check this machine and the server, and say what is missing',
  details: '\nWorks without a server too. Exits with 1 if something is wrong; warnings are not.',
  examples: [
    { line: 'doctor', about: 'with what to do about each finding' },
    { line: 'doctor --json', about: 'for a script' },
  ],
  async run(context) {
    const { out } = context
    const { url } = await context.target()
    const here = await findHere(context)
    const there = await findThere(context)
    const findings = [...here, ...there]
    const problems = findings.filter(({ level }) => level === 'problem').length
    if (out.json) {
      await out.value({ url, findings })
    } else {
      await printFindings(context, 'This machine', here)
      await printFindings(context, `The server ${url}`, there)
      await out.line(problems === 0 ? 'Nothing is in the way.' : 'Mend what is marked ✖, then run it again.')
    }
    return problems === 0 ? exitCodes.ok.code : exitCodes.failure.code
  },
})

async function findHere(context: Context): Promise<Finding[]> {
  return [
    { level: 'ok', topic: 'node', message: `Node ${process.versions.node}` },
    ...(await findLogin(context)),
    await findProgram('git', 'Install git if jobs shall get their files from repositories.'),
    await findProgram('python3', 'A server on this machine needs Python 3 to start jobs.'),
    await findProject(context),
  ]
}

async function findLogin({ settings }: Context): Promise<Finding[]> {
  const stats = await stat(settings.configFile).catch(() => undefined)
  if (!stats) return []
  const open = (stats.mode & 0o077) !== 0
  if (!open) return [{ level: 'ok', topic: 'keys', message: `Keys are kept in ${settings.configFile}` }]
  return [
    {
      level: 'problem',
      topic: 'keys',
      message: `Others can read your keys: ${settings.configFile}`,
      hint: `chmod 600 ${settings.configFile}`,
    },
  ]
}

async function findProgram(name: string, hint: string): Promise<Finding> {
  const found = await promisify(execFile)(name, ['--version'], { timeout: 5000 }).catch(() => undefined)
  if (found) return { level: 'ok', topic: name, message: found.stdout.trim() }
  return { level: 'warning', topic: name, message: `There is no ${name}.`, hint }
}

async function findProject(context: Context): Promise<Finding> {
  const name = await readProject(context)
  const message =
    name === undefined ? 'This folder belongs to no project yet.' : `This folder belongs to project ${name}`
  return { level: 'ok', topic: 'project', message }
}

async function findThere(context: Context): Promise<Finding[]> {
  const client = await context.client()
  try {
    const { version } = await client.server.live()
    const me = await client.user.me()
    const { findings } = await client.server.doctor()
    return [
      { level: 'ok', topic: 'server', message: `Nabla ${version}` },
      { level: 'ok', topic: 'login', message: `You are ${me.user.name}, team ${me.team.name} (${me.role})` },
      ...findings,
    ]
  } catch (error) {
    if (!isApiError(error)) throw error
    return [{ level: 'problem', topic: 'server', message: error.message, hint: error.hint }]
  }
}

async function printFindings({ out }: Context, title: string, findings: readonly Finding[]): Promise<void> {
  const signs = { ok: out.style('green', '✔'), warning: out.style('yellow', '!'), problem: out.style('red', '✖') }
  await out.line(out.style('bold', title))
  for (const { level, topic, message, hint } of findings) {
    await out.line(`  ${signs[level]} ${out.style('bold', topic)}: ${message}`)
    if (level !== 'ok' && hint !== undefined) await out.line(out.style('dim', `    ${hint}`))
  }
  await out.line()
}
