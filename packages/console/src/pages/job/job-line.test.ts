import { describe, expect, test } from 'vitest'
import { readJobText } from './job-document.ts'
import { type JobFields, type Origin, readDuration, writeDuration } from './job-form-body.ts'
import { jobLine } from './job-line.ts'
import { readJobLine } from './job-line-read.ts'
import { splitShellWords } from './shell-words.ts'

const nothing: Origin = { from: 'nothing' }

describe('words of a shell', () => {
  test.each([
    [String.raw`a 'b c' "d \" e" f\ g ''`, ['a', 'b c', 'd " e', 'f g', '']],
    ['one \\\n  two # three', ['one', 'two']],
    [`it'\\''s "a $ b"`, { problem: expect.stringContaining('not closed') as string }],
    [`'it'\\''s'`, ["it's"]],
    ['echo $HOME', { problem: expect.stringContaining('$HOME') as string }],
    ['echo "$(id)"', { problem: expect.stringContaining('filled in') as string }],
    ['echo `id`', { problem: expect.stringContaining('filled in') as string }],
    ['a | b', { problem: expect.stringContaining('| is for your shell') as string }],
    ["a '| b; $(c)'", ['a', '| b; $(c)']],
  ])('%s', (line, expected) => {
    expect(splitShellWords(line)).toEqual(Array.isArray(expected) ? { words: expected } : expected)
  })
})

describe('a line of nabla run', () => {
  const everything: JobFields = {
    command: `python train.py | tee "/artifacts/it's log"`,
    name: 'a name',
    project: 'پروژه',
    tags: ['one', 'two words'],
    machineType: 'large',
    image: 'python:3.13',
    datasets: [{ dataset: 'digits:3' }, { dataset: 'faces:prod', mount: 'in' }],
    models: [{ model: 'faces@champion' }, { model: 'digits:3', path: '/weights' }],
    model: { name: 'digits', path: 'out/model.onnx', type: 'ONNX' },
    env: { LR: '0.1', TOKEN: 'secret:TOKEN', OTHER: 'secret:HF', ODD: `$x 'y' "z" \\ \n =` },
    ports: [8080, 9090],
    workingDir: '/work',
    artifactsDir: '/out',
    requirements: null,
    timeLimitSeconds: 5400,
    retries: 2,
    retryOn: 'machine',
    priority: 90,
  }

  test('says all that a job can be, and is read back the same', () => {
    const git: Origin = { from: 'git', url: 'https://github.com/me/code.git', ref: 'main', password: 'secret:GIT' }
    const read = readJobLine(`nabla ${jobLine(everything, git)}`)
    expect(read.fields).toEqual(everything)
    expect(read.origin).toEqual(git)
    expect(read.notes).toEqual([])
  })

  test('leaves out what would be so by itself, and shows no token', () => {
    expect(jobLine({ command: 'make', project: 'p', retries: 0, priority: 50 }, nothing)).toBe(
      'run --workspace none --project p -- make',
    )
    const git: Origin = { from: 'git', url: 'https://x.org/y', password: 'hunter2' }
    expect(jobLine({ command: 'make' }, git)).not.toContain('hunter2')
  })

  test('understands what people type', () => {
    const read = readJobLine(`$ nabla run -d -e A=1 --env=B=2=3 --secret HF_TOKEN -p 8080 python train.py --lr '1 2'`)
    expect(read.fields).toEqual({
      command: `python train.py --lr '1 2'`,
      env: { A: '1', B: '2=3', HF_TOKEN: 'secret:HF_TOKEN' },
      ports: [8080],
    })
    expect(read.notes).toEqual([expect.stringContaining('choose the folder')])
    expect(readJobLine(`nabla job create --workspace git@github.com:me/x.git -- 'a && b'`)).toMatchObject({
      fields: { command: 'a && b' },
      origin: { from: 'git', url: 'ssh://git@github.com/me/x.git' },
    })
  })

  test.each([
    ['nabla run --bogus 1 -- x', 'no option --bogus'],
    ['nabla run --__proto__ 1 -- x', 'no option --__proto__'],
    ['nabla run --retries many -- x', 'whole number'],
    ['nabla run --name', 'has no value'],
    ['nabla run -- echo $HOME', '$HOME'],
    ['rm -rf /', 'neither'],
  ])('says what is wrong with %s', (line, problem) => {
    expect(() => readJobLine(line)).toThrow(problem)
  })
})

describe('YAML and JSON', () => {
  test('are read as far as the contract allows', async () => {
    expect((await readJobText('command: make\nproject: p\nretries: 2')).fields).toEqual({
      command: 'make',
      project: 'p',
      retries: 2,
    })
    expect(await readJobText('{"command":"make","workspace":{"from":"git","url":"https://x.org/y"}}')).toMatchObject({
      fields: { command: 'make' },
      origin: { from: 'git', url: 'https://x.org/y' },
    })
  })

  test.each([
    ['command: [1', 'no YAML'],
    ['retries: many', 'retries'],
    ['colour: red', 'no field colour'],
    ['__proto__: {a: 1}', 'no field __proto__'],
    ['just words', 'neither'],
    ['a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]', 'no YAML'],
  ])('refuses %s', async (text, problem) => {
    await expect(readJobText(text)).rejects.toThrow(problem)
  })
})

test('times are written as they are read', () => {
  for (const seconds of [1, 90, 600, 5400, 86_400, 100_000]) {
    expect(readDuration(writeDuration(seconds))).toBe(seconds)
  }
  expect(readDuration('soon')).toBeUndefined()
  expect(readDuration('1h30m')).toBe(5400)
})
