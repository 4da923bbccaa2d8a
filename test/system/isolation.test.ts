import { existsSync, globSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTar } from '../../packages/server/src/volumes/archive-bytes.ts'
import { ended, linesOf, run, until, useServerProcess } from './support/server-process.ts'

const server = useServerProcess({
  env: { NABLA_API_KEY: 'nabla_key-of-the-one-who-started-it', PRIVATE_TOKEN: 'hunter2' },
})

/** A second team, with a person of its own. */
async function otherTeam() {
  const team = (await server().client.team.create({ body: { name: `other ${Math.random()}` } })).id
  const user = `person ${Math.random()}`
  const path = { team, user }
  const { key } = await server()
    .clientFor((await server().client.key.create({ body: { name: `admin of ${team}`, team } })).secret)
    .team.addMember({ ...path, body: {} })
  return server().clientFor(key!)
}

const outputOf = async (command: string, more: object = {}) => {
  const job = await run(server(), command, more)
  const lines = [...(await linesOf(server(), job.id)), ...(await linesOf(server(), job.id, 'stderr'))]
  return { job, text: lines.join('\n') }
}

test('a job does not see the data folder, nor the key file, the database or other logs in it', async () => {
  const { data } = server()
  const { text } = await outputOf(
    `ls -laR ${data}; cat ${data}/secret.key ${data}/nabla.db ${data}/server.id; ls ${data}/../; find / -xdev -maxdepth 3 -name secret.key 2>/dev/null`,
  )
  expect(text).not.toMatch(/SQLite format|nabla\.db$|ballast$/m)
  expect(text).not.toContain(readFileSync(join(data, 'secret.key'), 'latin1').trim().slice(0, 20))
  for (const line of text.split('\n').filter((line) => line.includes('secret.key'))) {
    expect(line).toMatch(/No such file|cannot|Permission denied/)
  }
})

test("a job does not see the server's environment, its home's keys or sockets of daemons", async () => {
  const { text } = await outputOf(
    'env; tr "\\0" "\\n" < /proc/1/environ; ls -la /var/run/docker.sock /run/docker.sock /run/podman ~root/.ssh ~root/.nabla ~root/.config/nabla 2>&1; id',
  )
  expect(text).not.toMatch(/hunter2|nabla_key-of|NABLA_API_KEY|NABLA_DATA|PRIVATE_TOKEN/)
  expect(text).not.toMatch(/^s.*docker\.sock/m)
  if (existsSync(join(homedir(), '.ssh'))) expect(text).not.toMatch(/id_rsa|id_ed25519|authorized_keys$/m)
})

test('a job sees no process but its own, and can signal none', async () => {
  const { client, pid } = server()
  const marker = `nabla-neighbour-${process.pid}`
  const neighbour = await client.job.create({
    body: { command: `sleep 1000`, project: 'p', env: { NEIGHBOUR: marker } },
  })
  await until(async () => expect((await client.job.show({ job: neighbour.id })).phases.at(-1)?.name).toBe('run'))
  const { text } = await outputOf(
    `cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; kill -0 ${pid} && echo reached`,
  )
  expect(text).not.toContain(marker)
  expect(text).not.toContain('main.ts')
  expect(text).not.toMatch(/^reached$/m)
  expect((await client.job.show({ job: neighbour.id })).state).toBe('running')
  await client.job.stop({ job: neighbour.id, body: { graceSeconds: 0 } })
  await ended(server(), neighbour.id)
})

test('a job has the rights of a container and no more', async () => {
  const { text } = await outputOf(
    "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; echo 1 > /proc/sys/kernel/sysrq; echo 1 > /sys/kernel/mm/ksm/run; mount -t tmpfs none /mnt && echo mounted; unshare -Urm true && echo escaped; echo b > /proc/sysrq-trigger; true",
  )
  const rights = Object.fromEntries([...text.matchAll(/^(\w+):\s+(\w+)$/gm)].map(([, name, value]) => [name, value]))
  expect(rights).toEqual({ CapEff: '00000000a00425fb', CapBnd: '00000000a00425fb', NoNewPrivs: '1', Seccomp: '2' })
  expect(text).not.toMatch(/^(mounted|escaped)$/m)
  expect(text).toMatch(/sysrq.*(Read-only|denied|nonexistent)/)
})

test('storage is shared by the jobs of a team, and no other team sees it', async () => {
  const name = `shared-${process.pid}`
  expect(await run(server(), `echo of-the-first > /storage/${name}`)).toMatchObject({ state: 'succeeded' })
  expect((await outputOf(`cat /storage/${name}`)).text).toBe('of-the-first')
  const other = await otherTeam()
  const job = await other.job.create({
    body: { command: `ls -A /storage; cat /storage/${name}; echo mine > /storage/own`, project: 'p' },
  })
  await until(async () => expect((await other.job.show({ job: job.id })).endedAt).not.toBeNull())
  const { items } = await other.job.logs({ job: job.id })
  expect(items.map(({ source, text }) => [source, text])).toEqual([['stderr', expect.stringContaining('No such file')]])
  expect((await other.storage.list({})).items.map(({ path }) => path)).toEqual(['own'])
  expect((await server().client.storage.list({ path: '' })).items.map(({ path }) => path)).not.toContain('own')
  await expect(server().client.job.show({ job: job.id })).rejects.toMatchObject({ status: 404 })
})

test("a link into another team's storage is not followed", async () => {
  const other = await otherTeam()
  await other.storage.put({ path: 'private', body: 'not for you' })
  const [folder] = globSync(join(server().data, 'volumes/*/private')).map((path) => path.slice(0, -'/private'.length))
  await run(
    server(),
    `ln -s ${folder}/private /storage/a; ln -s ${folder} /storage/b; ln -s ../../${folder!.split('/').at(-1)}/private /storage/c`,
  )
  for (const path of ['a', 'b/private', 'c']) {
    await expect(server().client.storage.get({ path })).rejects.toMatchObject({ status: expect.toBeOneOf([400, 404]) })
  }
})

test('a job works on a copy of its workspace: the next one finds the files as they were uploaded', async () => {
  const tar = makeTar([
    { path: 'train.py', content: 'print("one")\n' },
    { path: 'data/a', content: 'a' },
  ])
  const { id, digest } = await server().client.workspace.upload({ body: new Uint8Array(tar) })
  const workspace = { from: 'upload', id }
  const edits = 'echo changed > train.py; rm -r data; touch new; chmod 777 .; cat train.py'
  expect((await outputOf(edits, { workspace })).text).toBe('changed')
  const second = await outputOf('cat train.py data/a; ls; ls /home/paperspace', { workspace })
  expect(second.text).toBe('print("one")\nadata\ntrain.py\ndata\ntrain.py')
  expect(second.job.workspace).toMatchObject({ id, digest })
  expect((await server().client.workspace.upload({ body: new Uint8Array(tar) })).id).toBe(id)
})
