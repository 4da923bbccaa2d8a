import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { lacks, missing } from './testing/daemon.ts'

const root = join(import.meta.dirname, '../../../../..')
const suite = join(import.meta.dirname, 'docker-engine.test.ts')

/** What a user may be given of control groups differs from machine to machine: without any, nothing is measured. */
const left = ['--testNamePattern', '^(?!.*measures what a task uses)']

const reason =
  missing.podman ??
  lacks('uidmap slirp4netns', ['newuidmap', 'slirp4netns', 'useradd', 'setpriv']) ??
  (mayOpenTun() ? null : 'users may not open /dev/net/tun, which udev would allow them (chmod 666)')

/** The networks of a user's containers go by way of it. */
function mayOpenTun(): boolean {
  const stats = statSync('/dev/net/tun', { throwIfNoEntry: false })
  return stats !== undefined && (stats.mode & 0o006) === 0o006
}

/** A user of this machine, for as long as the test lasts: Podman wants one that is in the lists, with users of his own. */
function makeUser() {
  const base = mkdtempSync(join(tmpdir(), 'nabla-rootless-'))
  const [name, home] = [`nabla-test-${process.pid}`, join(base, 'home')]
  execFileSync('useradd', ['--create-home', '--home-dir', home, name], { stdio: 'ignore' })
  const id = execFileSync('id', ['-u', name], { encoding: 'utf8' }).trim()
  execFileSync('chmod', ['711', base])
  for (const folder of ['run', 'tmp']) mkdirSync(join(home, folder), { mode: 0o700 })
  execFileSync('chown', ['-R', `${name}:`, home])
  return {
    home,
    words: ['--reuid', id, '--regid', id, '--init-groups'],
    remove() {
      try {
        // What holds the namespace of his containers lives on by itself.
        execFileSync('pkill', ['-KILL', '-u', id])
      } catch {
        // There was none.
      }
      execFileSync('userdel', ['--force', name], { stdio: 'ignore' })
      rmSync(base, { recursive: true, force: true })
    },
  }
}

function mayRead(words: string[]): boolean {
  try {
    execFileSync('setpriv', [...words, 'test', '-r', suite], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test.skipIf(reason !== null)(
  reason === null ? 'the engine keeps its contract on a Podman of a normal user' : `Podman without root: ${reason}`,
  async ({ skip }) => {
    const user = makeUser()
    try {
      if (!mayRead(user.words)) skip('this checkout can be read by root alone')
      const report = join(user.home, 'report.json')
      const { NABLA_TEST_REPORT: _, ...env } = process.env
      const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--configLoader', 'native']
      const words = [...user.words, process.execPath, ...vitest, '--project', 'containers', suite, ...left]
      const child = spawn('setpriv', [...words, '--reporter', 'json', '--outputFile', report], {
        cwd: root,
        stdio: 'ignore',
        env: {
          ...env,
          NABLA_TEST_ROOTLESS: '1',
          HOME: user.home,
          TMPDIR: join(user.home, 'tmp'),
          XDG_RUNTIME_DIR: join(user.home, 'run'),
          PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
        },
      })
      await new Promise((resolve) => child.once('exit', resolve))
      const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
      const all = testResults.flatMap(({ assertionResults }) => assertionResults)
      expect(all.filter(({ status }) => status === 'failed')).toEqual([])
      expect(all.filter(({ status }) => status === 'passed').length).toBeGreaterThan(10)
    } finally {
      user.remove()
    }
  },
)

interface Report {
  testResults: { assertionResults: { status: string; title: string; failureMessages: string[] }[] }[]
}
