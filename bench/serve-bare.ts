import { runBare } from '@nabla/serve/testing/bare'

/** The runtime alone, as a process of its own; options come as JSON in the first argument. Prints rows per second. */
const { file, input, row, batch, ms } = JSON.parse(process.argv[2] ?? '{}') as {
  file: string
  input: string
  row: number[]
  batch: number
  ms: number
}
process.stdout.write(`${await runBare(file, input, row, batch, ms)}\n`)
