import { PassThrough } from 'node:stream'
import type { ExecProcess, ExecRequest } from '../engine.ts'

/**
 * A program that pretends: `cat` and `sh` write what they read; `sh -c 'exit N'` ends with that code; all others write
 * their arguments and end. With a terminal a prompt comes first, and `exit` or Ctrl-D ends it.
 */
export function fakeExec({ argv, terminal }: ExecRequest): ExecProcess {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const exit = Promise.withResolvers<number>()
  const end = (code: number) => {
    output.end()
    errors.end()
    exit.resolve(code)
  }
  const code = /^exit (\d+)$/.exec(argv.at(-1) ?? '')?.[1]
  if (code !== undefined) end(Number(code))
  else if (!/(^|\/)(cat|sh|bash)$/.test(argv[0] ?? '')) {
    output.write(`${argv.join(' ')}\n`)
    end(0)
  } else if (terminal) {
    output.write(`${terminal.columns}x${terminal.rows}\r\n$ `)
    pretendShell(input, output, end)
  } else {
    input.pipe(output, { end: false })
    input.once('end', () => end(0))
  }
  return {
    input,
    output,
    errors,
    resize: (columns, rows) => void (output.writable && output.write(`${columns}x${rows}\r\n$ `)),
    kill: () => end(129),
    exit: exit.promise,
  }
}

function pretendShell(input: PassThrough, output: PassThrough, end: (code: number) => void): void {
  let line = ''
  input.on('data', (chunk: Buffer) => {
    for (const character of chunk.toString()) {
      if (character === '\u0004') end(0)
      else if (character === '\r') {
        output.write('\r\n')
        if (line === 'exit') end(0)
        else output.write(`${line === '' ? '' : `${line}\r\n`}$ `)
        line = ''
      } else {
        line += character
        output.write(character)
      }
    }
  })
}
