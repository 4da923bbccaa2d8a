import { spawn } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { makeTempFolder, startBenchServer, untilSucceeded } from './bench-server.ts'
import { formatRate, median, type Section } from './report.ts'
import { untilDone } from './shell.ts'

const lines = 12_500_000
const lineBytes = 80
const bytes = lines * lineBytes
const runs = 3

/** Numbered lines as fast as Python can: blocks of 10,000, in which only the upper digits of the number change. */
const producer = `import os
tail = b" step loss=0.123456 accuracy=0.987654 rate=0.001000 time=12.345 seconds"
block = b"".join(b"@@@@@%04d" % low + tail[:${lineBytes - 10}] + b"\\n" for low in range(10000))
for high in range(${lines / 10_000}):
    data = memoryview(block.replace(b"@@@@@", b"%05d" % high))
    while data: data = data[os.write(1, data):]`

/** What a reader got: as long and with the same checksum as what was written, so every line once and in order. */
interface Received {
  bytes: number
  check: number
  ms: number
}

/** A job that writes a gigabyte of lines, followed over HTTP, beside the same through a pipe and by \`tail -f\`. */
export async function logs(): Promise<Section> {
  const pipe: Received[] = []
  const tail: Received[] = []
  const followed: Received[] = []
  let memory = 0
  for (let round = 0; round < runs; round++) {
    pipe.push(await throughPipe())
    tail.push(await throughTail())
    const { received, peakMemoryBytes } = await throughNabla()
    followed.push(received)
    memory = Math.max(memory, peakMemoryBytes)
  }
  const expected = pipe[0]
  for (const { bytes: got, check } of [...pipe, ...tail, ...followed]) {
    if (got !== bytes || check !== expected?.check) throw new Error(`lines were lost or repeated: ${got} of ${bytes}`)
  }
  return {
    title: 'Logs',
    about:
      `A command that writes ${lines / 1e6} million numbered lines of ${lineBytes} bytes (1 GB) as fast as it can; the ` +
      `reader checks by count and checksum that every line arrived once and in order. Median of ${runs}; producer, ` +
      `server and reader share the processors. Aim: 200 MB/s with none lost.`,
    columns: ['what', 'rate', 'lines per second', 'peak memory of the server'],
    rows: [
      row('job, followed over HTTP by the client', followed, `${Math.round(memory / 2 ** 20)} MiB`),
      row('command into a file, read by `tail -f`', tail, ''),
      row('command into a bare pipe', pipe, ''),
    ],
  }
}

function row(what: string, all: Received[], memory: string): string[] {
  const ms = median(all.map((one) => one.ms))
  return [what, formatRate(bytes, ms), `${(lines / ms / 1000).toFixed(2)} million`, memory]
}

async function throughNabla(): Promise<{ received: Received; peakMemoryBytes: number }> {
  await using server = await startBenchServer()
  const { client } = server
  const began = performance.now()
  const command = `python3 -c '${producer}'`
  const { id: job } = await client.job.create({ body: { command, project: 'bench' } })
  const received: Received = { bytes: 0, check: 0, ms: 0 }
  let next = 1
  for await (const { data } of client.job.followLogs({ job })) {
    if (data.seq !== next) throw new Error(`line ${data.seq} came where ${next} should`)
    next += data.lines
    if (data.source !== 'stdout') throw new Error(`the job wrote to ${data.source}: ${data.text}`)
    const end = data.partial ? '' : '\n'
    received.bytes += data.text.length + end.length
    received.check = crc32(end, crc32(data.text, received.check))
    if (received.bytes === bytes) received.ms = performance.now() - began
  }
  await untilSucceeded(client, job)
  return { received, peakMemoryBytes: server.peakMemoryBytes() }
}

async function throughPipe(): Promise<Received> {
  const began = performance.now()
  const child = spawn('python3', ['-c', producer], { stdio: ['ignore', 'pipe', 'pipe'] })
  const done = untilDone(child, 'the producer')
  const received = await receive(child.stdout, began)
  await done
  return received
}

async function throughTail(): Promise<Received> {
  const folder = await makeTempFolder()
  const path = join(folder, 'output')
  const output = await open(path, 'w')
  try {
    const began = performance.now()
    const writer = spawn('python3', ['-c', producer], { stdio: ['ignore', output.fd, 'pipe'] })
    const reader = spawn('tail', ['-c', '+1', '-f', path], { stdio: ['ignore', 'pipe', 'ignore'] })
    const done = untilDone(writer, 'the producer')
    const received = await receive(reader.stdout, began)
    reader.kill()
    await done
    return received
  } finally {
    await output.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Reads until all is there. */
async function receive(source: AsyncIterable<unknown>, began: number): Promise<Received> {
  const received: Received = { bytes: 0, check: 0, ms: 0 }
  for await (const chunk of source as AsyncIterable<Buffer>) {
    received.bytes += chunk.length
    received.check = crc32(chunk, received.check)
    if (received.bytes >= bytes) break
  }
  received.ms = performance.now() - began
  return received
}
