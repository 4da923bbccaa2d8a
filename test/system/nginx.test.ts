import { execFile, execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { removeFolder, temporaryFolder, until, useServerProcess } from './support/server-process.ts'

const root = join(import.meta.dirname, '../..')
const server = useServerProcess()

const hasNginx = (() => {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** The lines for nginx, as the guide has them, with the addresses of this test. */
function configOf(folder: string, port: number): string {
  const guide = readFileSync(join(root, 'docs/guide/running-the-server.md'), 'utf8')
  const lines = /```\n(map \$http_upgrade[^]*?)```/.exec(guide)?.[1] ?? ''
  const at = lines.indexOf('location /')
  const location = lines.slice(at).replace('http://127.0.0.1:7070', server().url)
  const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off; pid ${folder}/pid; error_log ${folder}/errors; events {}
http { access_log off; ${own.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
${lines.slice(0, at)} server { listen 127.0.0.1:${port}; ${location} } }`
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

test.runIf(hasNginx)(
  'behind nginx with the lines of the guide, jobs, large files and terminals work (skipped without nginx)',
  async () => {
    const folder = temporaryFolder()
    const url = `http://127.0.0.1:${await freePort()}`
    writeFileSync(join(folder, 'nginx.conf'), configOf(folder, Number(new URL(url).port)))
    const nginx = spawn('nginx', ['-e', join(folder, 'errors'), '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
    onTestFinished(async () => {
      nginx.kill()
      await new Promise((resolve) => nginx.once('exit', resolve))
      await removeFolder(folder)
    })
    await until(async () => expect((await fetch(`${url}/healthz`)).ok).toBe(true))
    const env = { ...process.env, HOME: folder, NABLA_URL: url, NABLA_API_KEY: server().key }
    const nabla = (...words: string[]) => promisify(execFile)(join(root, 'bin/nabla'), words, { cwd: folder, env })
    writeFileSync(join(folder, 'large'), Buffer.alloc(3_000_000, 'x'))
    await nabla('storage', 'put', 'large')
    expect((await nabla('run', '--workspace', 'none', '--', 'wc -c < /storage/large')).stdout).toBe('3000000\n')
    await nabla('run', '--detach', '--name', 'busy', '--workspace', 'none', '--', 'sleep 1000')
    expect((await nabla('exec', 'busy', '--', 'echo', 'from inside')).stdout).toBe('from inside\n')
    await nabla('job', 'stop', 'busy')
  },
)
