import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BenchServer, makeTempFolder, startBenchServer } from './bench-server.ts'
import { formatSeconds, median, type Section, timed } from './report.ts'
import { run, runShell } from './shell.ts'

const smallFiles = 10_000
const smallBytes = 2048
const largeBytes = 1e9

/** Sending a workspace with the CLI, beside packing and unpacking the same folder with tar. */
export async function upload(): Promise<Section> {
  const work = await makeTempFolder()
  try {
    await using server = await startBenchServer()
    const small = join(work, 'small')
    const large = join(work, 'large')
    await makeSmall(small)
    await makeLarge(large)
    return {
      title: 'Upload',
      about:
        'The whole process `nabla job create --workspace FOLDER`: read the folder, pack it, send it, unpack and check ' +
        'it on the server, put it on the disk (sync) and store the job. The peers copy the same folder with tar, and ' +
        'the last one syncs it too. Medians of 3 and 2; the large file is random, as compressed data is, and `z` has one run.',
      columns: ['folder', 'nabla', '`tar czf - \\| tar xzf -`', '`tar cf - \\| tar xf -`', 'the same and `sync -f`'],
      rows: [
        await compare(server, work, small, '10,000 files of 2 kB', 3),
        await compare(server, work, large, 'one file of 1 GB', 2),
      ],
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function compare(server: BenchServer, work: string, folder: string, what: string, runs: number) {
  const target = join(work, 'target')
  const tar = async (pack: string, unpack: string, after = '') => {
    await mkdir(target)
    const ms = await timed(() => runShell(`tar -C ${folder} ${pack} - . | tar -C ${target} ${unpack} -${after}`))
    await rm(target, { recursive: true })
    await runShell('sync')
    return ms
  }
  const nabla: number[] = []
  const plain: number[] = []
  const synced: number[] = []
  for (let round = 0; round < runs; round++) {
    // Equal folders are stored once, so each round sends another one.
    await appendFile(join(folder, 'round.txt'), `${round}\n`)
    nabla.push(await timed(() => send(server, folder)))
    await runShell('sync')
    plain.push(await tar('-cf', '-xf'))
    synced.push(await tar('-cf', '-xf', ` && sync -f ${target}`))
  }
  const zipped = await tar('-czf', '-xzf')
  return [what, ...[median(nabla), zipped, median(plain), median(synced)].map(formatSeconds)]
}

async function send({ url, key, data }: BenchServer, folder: string): Promise<void> {
  const nabla = join(import.meta.dirname, '..', 'bin', 'nabla')
  const env = { PATH: process.env['PATH'], HOME: data, NABLA_URL: url, NABLA_API_KEY: key }
  const args = ['job', 'create', '--no-init', '--project', 'bench', '--workspace', folder, '--', 'true']
  await run(nabla, args, { cwd: data, env })
}

async function makeSmall(folder: string): Promise<void> {
  for (let part = 0; part < 100; part++) await mkdir(join(folder, `part-${part}`), { recursive: true })
  for (let file = 0; file < smallFiles; file++) {
    const content = randomBytes(smallBytes / 2).toString('hex')
    await writeFile(join(folder, `part-${file % 100}`, `file-${file}.txt`), content)
  }
}

async function makeLarge(folder: string): Promise<void> {
  await mkdir(folder)
  const chunk = 10_000_000
  for (let done = 0; done < largeBytes; done += chunk) await appendFile(join(folder, 'data.bin'), randomBytes(chunk))
}
