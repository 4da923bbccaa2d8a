import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ended, running } from '../engine-suite.ts'
import { makeDockerBench } from './test-bench.ts'
import { lacks, missing, startTestDaemon, type TestDaemon } from './testing/daemon.ts'
import { addPython, makeRootfs } from './testing/rootfs.ts'

const noFirewall = lacks('iptables', ['iptables', 'iptables-save', 'ip6tables-save'])
const pythonImage = 'nabla-test/python:1'
const serve = 'exec python3 -m http.server 8080'
/** Says the same to whoever asks at its port, of loopback unless told otherwise. */
async function answering(text: string, host = '127.0.0.1'): Promise<{ port: number; close(): void }> {
  const server = createServer((_request, response) => void response.setHeader('connection', 'close').end(text))
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

const answers = (host: string, port: number): Promise<boolean> =>
  fetch(`http://${host}:${port}`).then(
    (answer) => answer.ok,
    () => false,
  )

/** A program that tries each port at each address that it finds in a file. */
const tryAll = (path: string, ports: readonly number[]): string => `
import socket
for host in open("${path}").read().split():
    for port in ${JSON.stringify(ports)}:
        try:
            socket.create_connection((host, port), 1).close()
            print(port, host, "reached")
        except OSError:
            print(port, host, "kept away")
`

/** Addresses of this machine that a container can know, if this is one of them on a bridge to it. */
function addressesBeside(gateway: string): string[] {
  const all = Object.entries(networkInterfaces()).map(([name, found]) => ({ name, found: found ?? [] }))
  const bridge = all.find(({ found }) => found.some(({ address }) => address === gateway))
  const links = (bridge?.found ?? []).flatMap(({ address }) => (address.startsWith('fe80:') ? `${address}%eth0` : []))
  const others = all.flatMap(({ found }) =>
    found.flatMap((one) => (one.family === 'IPv4' && !one.internal ? one.address : [])),
  )
  return [...new Set([gateway, ...others, ...links])]
}

const fetchFrom = (host: string) =>
  `python3 -c "import socket; socket.create_connection(('${host}', 8080), 1); print('reached')" 2>/dev/null`

for (const kind of ['podman', 'docker'] as const) {
  const reason = missing[kind]
  describe.skipIf(reason !== null)(reason === null ? `with ${kind}` : `${kind}: ${reason}`, () => {
    let daemon: TestDaemon
    beforeAll(async () => {
      daemon = await startTestDaemon(kind)
      const folder = join(daemon.base, 'python')
      makeRootfs(folder)
      addPython(folder)
      daemon.importFolder(folder, pythonImage)
      rmSync(folder, { recursive: true })
    })
    afterAll(() => daemon?.close())

    test('tasks of one scope reach each other, those of others do not', async () => {
      const bench = makeDockerBench(daemon)
      const changes = { image: pythonImage, networkScope: 'one' }
      const server = bench.task(serve, changes)
      await bench.engine.start(server)
      await running(bench.engine, server.id)
      const { NetworkSettings } = await daemon.docker.getContainer(`nabla-${server.id}`).inspect()
      const [network] = Object.values(NetworkSettings.Networks)
      const address = network?.IPAddress ?? ''
      expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
      const ask = async (networkScope: string) => {
        // The server may not listen yet.
        const command = `for i in 1 2 3; do ${fetchFrom(address)} && exit; sleep 0.5; done; echo kept away`
        const task = bench.task(command, { ...changes, networkScope })
        await bench.engine.start(task)
        await ended(bench.engine, task.id, 60_000)
        return bench.output(task.id)
      }
      expect(await ask('one')).toBe('reached\n')
      expect(await ask('two')).toBe('kept away\n')
      await bench.close()
      const left = await daemon.docker.listNetworks()
      expect(left.filter(({ Name }) => Name.startsWith('nabla-'))).toEqual([])
    }, 90_000)

    test('what a cloud tells its machines is out of reach, and the database of the server on another machine', async () => {
      const port = 8080
      const [metadata, database] = ['169.254.77.2', '198.51.100.2']
      const bench = makeDockerBench(daemon, { database: { host: database, port } })
      const place = `nabla-meta-${process.pid}`
      const link = `nm${process.pid}`
      let subnet = 'none'
      let service: ChildProcess | undefined
      const ip = (line: string) => execFileSync('ip', line.split(' '), { encoding: 'utf8' })
      ip(`netns add ${place}`)
      try {
        ip(`link add ${link} type veth peer name eth0 netns ${place}`)
        ip(`link set ${link} up`)
        for (const address of [metadata, database]) {
          ip(`addr add ${address.replace(/2$/, '1')}/30 dev ${link}`)
          ip(`-n ${place} addr add ${address}/30 dev eth0`)
        }
        ip(`-n ${place} link set eth0 up`)
        ip(`-n ${place} route add default via 169.254.77.1`)
        const python = ['netns', 'exec', place, 'python3', '-m', 'http.server', String(port)]
        service = spawn('ip', python, { stdio: 'ignore', cwd: daemon.base })
        const ask = [metadata, database].map((host) => `${fetchFrom(host)} || echo kept away`).join('; ')
        const wait = (name: string) => `while [ ! -e /go/${name} ]; do sleep 0.1; done`
        const task = bench.task(`${wait('now')}; ${ask}; ${wait('again')}; ${ask}`, {
          image: pythonImage,
          mounts: [{ source: bench.folder('go'), target: '/go', mode: 'ro' }],
        })
        await bench.engine.start(task)
        await running(bench.engine, task.id)
        for (const host of [metadata, database])
          await expect.poll(() => answers(host, port), { timeout: 20_000 }).toBe(true)
        bench.folder('go', { now: '' })
        const kept = 'kept away\nkept away\n'
        await expect.poll(() => bench.output(task.id), { timeout: 20_000 }).toBe(kept)
        const { NetworkSettings } = await daemon.docker.getContainer(`nabla-${task.id}`).inspect()
        const [network] = Object.values(NetworkSettings.Networks)
        subnet = `${network?.Gateway.replace(/\.1$/, '.0')}/${network?.IPPrefixLen}`
        // The way is there: without the rules it leads to the service.
        for (const _ of [metadata, database]) ip(`rule del from ${subnet} pref 1169`)
        bench.folder('go', { again: '' })
        await ended(bench.engine, task.id, 30_000)
        expect(bench.output(task.id)).toBe(`${kept}reached\nreached\n`)
      } finally {
        service?.kill('SIGKILL')
        await bench.close()
        ip(`netns del ${place}`)
      }
      expect(ip('rule show')).not.toContain(subnet)
    }, 90_000)

    const here = 'the database of the server on this machine is out of reach, whatever it listens on'
    test.skipIf(noFirewall !== null)(
      noFirewall === null ? here : `${here}: ${noFirewall}`,
      async () => {
        const [database, other] = await Promise.all(['database', 'other'].map((text) => answering(text, '::')))
        const bench = makeDockerBench(daemon, { database: { host: 'localhost', port: database!.port } })
        const rules = () =>
          execFileSync('iptables-save', { encoding: 'utf8' }) + execFileSync('ip6tables-save', { encoding: 'utf8' })
        try {
          const go = bench.folder('go', { 'try.py': tryAll('/go/hosts', [database!.port, other!.port]) })
          const task = bench.task('while [ ! -e /go/now ]; do sleep 0.1; done; python3 /go/try.py', {
            image: pythonImage,
            mounts: [{ source: go, target: '/go', mode: 'ro' }],
          })
          await bench.engine.start(task)
          await running(bench.engine, task.id)
          const { NetworkSettings } = await daemon.docker.getContainer(`nabla-${task.id}`).inspect()
          const gateway = Object.values(NetworkSettings.Networks)[0]?.Gateway ?? ''
          const hosts = addressesBeside(gateway)
          bench.folder('go', { hosts: hosts.join('\n') })
          bench.folder('go', { now: '' })
          const { exit } = await ended(bench.engine, task.id, 60_000)
          expect(exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
          const seen = bench.output(task.id).trimEnd().split('\n')
          expect(seen.filter((line) => line.startsWith(`${database!.port} `))).toEqual(
            hosts.map((host) => `${database!.port} ${host} kept away`),
          )
          // The ways are there: what else listens is reached.
          expect(seen).toContain(`${other!.port} ${gateway} reached`)
          expect(rules()).toContain(`--dport ${database!.port} `)
          // The rule of a network that a killed server left goes when the next one starts.
          const left = execFileSync('iptables', ['-t', 'raw', '-S', 'PREROUTING'], { encoding: 'utf8' })
          const [, instance = ''] = new RegExp(`--dport ${database!.port} .* of (\\w+)`).exec(left) ?? []
          const stray = ['-m', 'comment', '--comment', `nabla-0123456789ab of ${instance}`, '-j', 'DROP']
          execFileSync('iptables', ['-w', '-t', 'raw', '-I', 'PREROUTING', '-i', 'nabla-none', ...stray])
          await bench.restart()
          await expect.poll(rules, { timeout: 20_000 }).not.toContain('nabla-0123456789ab')
        } finally {
          await bench.close()
          database!.close()
          other!.close()
        }
        expect(rules()).not.toContain(`--dport ${database!.port} `)
      },
      90_000,
    )

    test('the server is in reach from the first moment, and again once it was restarted', async () => {
      const answers = await Promise.all(['first', 'second'].map((text) => answering(text)))
      const [first, second] = answers.map(({ port }) => port)
      const bench = makeDockerBench(daemon)
      bench.engine.reachServer?.(first ?? 0)
      const url = await bench.engine.serverUrl?.()
      const ask = `python3 -c "import urllib.request; print(urllib.request.urlopen('${url}', None, 5).read().decode())"`
      const other = `python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:${second}', None, 5)"`
      const go = bench.folder('go')
      const wait = `while [ ! -e /go/now ]; do sleep 0.05; done; until ${ask}; do sleep 0.1; done`
      const task = bench.task(`${ask}; ${other} || echo no further; ${wait}`, {
        image: pythonImage,
        mounts: [{ source: go, target: '/go', mode: 'ro' }],
      })
      await bench.engine.start(task)
      await expect.poll(() => bench.output(task.id), { timeout: 30_000 }).toBe('first\nno further\n')
      const engine = await bench.restart()
      engine.reachServer?.(second ?? 0)
      bench.folder('go', { now: '' })
      const { exit } = await ended(engine, task.id, 60_000)
      expect(exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
      expect(bench.output(task.id)).toBe('first\nno further\nsecond\n')
      await bench.close()
      for (const { close } of answers) close()
    }, 90_000)

    test('a task that has begun is not begun again after the machine was restarted', async () => {
      let boot = 'one'
      const bench = makeDockerBench(daemon, {
        get boot() {
          return boot
        },
      })
      const [begun, over] = [bench.task('echo begun; sleep 1000'), bench.task('echo over')]
      for (const task of [begun, over]) await bench.engine.start(task)
      await running(bench.engine, begun.id)
      await ended(bench.engine, over.id, 60_000)
      await bench.engine.close()
      await daemon.docker.getContainer(`nabla-${begun.id}`).kill({ signal: 'SIGKILL' })
      await daemon.kill()
      // Podman keeps here what it knows of containers that run; the memory of a machine that is restarted is empty.
      for (const folder of ['tmp', 'run']) rmSync(join(daemon.base, folder), { recursive: true, force: true })
      await daemon.start()
      boot = 'two'
      const engine = await bench.restart()
      const { exit } = await ended(engine, begun.id, 60_000)
      expect(exit).toMatchObject({ cause: 'lost', blame: 'machine', reason: 'The machine was restarted while it ran.' })
      expect(bench.output(begun.id)).toBe('begun\n')
      expect((await ended(engine, over.id)).exit?.code).toBe(0)
      await bench.close()
    }, 60_000)

    test('packages that cannot be installed are told as such', async () => {
      const bench = makeDockerBench(daemon)
      const source = bench.folder('source', { 'requirements.txt': 'x' })
      const task = bench.task('echo never', {
        mounts: [{ source, target: '/paperspace', mode: 'copy' }],
        python: { requirements: '/paperspace/requirements.txt', cacheDir: source },
      })
      await bench.engine.start(task)
      const { exit, phases } = await ended(bench.engine, task.id)
      const reason = expect.stringContaining('python3') as string
      expect(exit).toEqual({ cause: 'setup', code: null, blame: 'user', reason })
      expect(phases.map(({ phase }) => phase)).toEqual(['files', 'image', 'create', 'start', 'environment'])
      expect(bench.output(task.id)).toBe('')
      await bench.close()
    })

    test('a daemon that is restarted costs no line, and no task a false end', async () => {
      const bench = makeDockerBench(daemon)
      const task = bench.task('i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i + 1)); sleep 0.05; done')
      await bench.engine.start(task)
      // Podman writes down that it runs a moment after it does.
      const container = daemon.docker.getContainer(`nabla-${task.id}`)
      await expect.poll(async () => (await container.inspect().catch(() => null))?.State.Running).toBe(true)
      await daemon.kill(kind === 'podman' ? 'SIGKILL' : 'SIGTERM')
      const waiting = bench.task('echo late')
      await bench.engine.start(waiting)
      const states = (await bench.engine.list()).map(({ state }) => state)
      expect(states).toEqual([kind === 'podman' ? 'running' : 'ended', 'starting'])
      await daemon.start()
      const { exit } = await ended(bench.engine, task.id)
      const lines = bench.output(task.id).trimEnd().split('\n')
      expect(lines).toEqual(lines.map((_, index) => `line ${index}`))
      // Podman's containers do not need it; Docker ends its own, unless it is set to let them live.
      if (kind === 'docker') expect(exit).toMatchObject({ cause: 'lost', blame: 'machine' })
      else {
        expect(exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
        expect(lines).toHaveLength(100)
      }
      expect((await ended(bench.engine, waiting.id)).exit?.code).toBe(0)
      await bench.close()
    }, 90_000)

    test.runIf(kind === 'podman')(
      'a daemon that is killed while it starts a container leaves none running',
      async () => {
        const bench = makeDockerBench(daemon)
        const runtime = join(daemon.base, 'runc')
        const script = 'runc "$@"; code=$?; for word; do [ "$word" = start ] && kill -9 $PPID; done; exit $code'
        writeFileSync(runtime, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
        await daemon.kill()
        await daemon.start()
        const task = bench.task('while :; do sleep 0.05; done')
        await bench.engine.start(task)
        await daemon.died()
        rmSync(runtime)
        await daemon.start()
        expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'lost', blame: 'machine' })
        const { State } = await daemon.docker.getContainer(`nabla-${task.id}`).inspect()
        expect(State).toMatchObject({ Running: false, Status: 'exited' })
        await bench.close()
      },
    )
  })
}
