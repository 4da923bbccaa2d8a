import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import type { Interpretation } from '@nabla/api/model-format'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readGraph } from './graph.ts'
import { interpretModel } from './interpret.ts'
import { FormatError, type ModelFile } from './reader.ts'
import { memoryFile } from './zip.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')
const interpret = (files: Record<string, Buffer>): Promise<Interpretation> =>
  interpretModel({ files: Object.entries(files).map(([path, bytes]) => memoryFile(path, bytes)), complete: true })

/** What a file is refused with. */
async function refusal(path: string, bytes: Buffer): Promise<string> {
  const error = await interpret({ [path]: bytes }).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(FormatError)
  return (error as FormatError).message
}

describe('pickles', () => {
  const canary = join(mkdtempSync(join(tmpdir(), 'nabla-canary-')), 'pwned')
  const command = `touch ${canary}`
  const text = (value: string) => `X${String.fromCharCode(value.length)}\u0000\u0000\u0000${value}`
  const short = (value: string) => `\u008c${String.fromCharCode(value.length)}${value}`
  const hostile: Record<string, string> = {
    'protocol 0': `cposix\nsystem\n(S'${command}'\ntR.`,
    'protocol 2': `\u0080\u0002cposix\nsystem\n${text(command)}\u0085R.`,
    'protocol 4': `\u0080\u0004${short('os')}${short('system')}\u0093${short(command)}\u0085R.`,
    'an instance': `(S'${command}'\niposix\nsystem\n.`,
    'an object': `(cposix\nsystem\n${text(command)}o.`,
    'eval of builtins': `\u0080\u0002cbuiltins\neval\n${text('1')}\u0085R.`,
    'getattr, which reaches anything': `\u0080\u0002cbuiltins\ngetattr\nccollections\nOrderedDict\n${text('x')}\u0086R.`,
    'a dotted name': `\u0080\u0004${short('sklearn.base')}${short('os.system')}\u0093${short(command)}\u0085R.`,
    'one that breaks off behind the call': `cposix\nsystem\n(S'${command}'\ntR\u00ff`,
    'another pickle': `\u0080\u0002cpickle\nloads\nC\u0001x\u0085R.`,
  }

  test.each(Object.keys(hostile))('%s is found dangerous, and not run', async (name) => {
    onTestFinished(() => rmSync(join(canary, '..'), { recursive: true, force: true }))
    const found = await interpret({ 'model.pkl': bytesOf(hostile[name]!) })
    expect(found.verdict).toBe('dangerous')
    expect(found.pickles[0]?.imports[0]?.verdict).toBe('dangerous')
    expect(existsSync(canary)).toBe(false)
  })

  const payload = bytesOf(hostile['protocol 2']!)

  test('are found in archives, behind compression, in arrays and under other names', async () => {
    const npy = Buffer.concat([
      bytesOf("\u0093NUMPY\u0001\u0000\u0028\u0000{'descr': '|O', 'shape': (1,), }".padEnd(50)),
      payload,
    ])
    const places: Record<string, Buffer> = {
      'model.zip': zip([{ name: 'a/b.pkl', content: payload }]),
      'model.joblib': deflateSync(payload),
      'array.npy': npy,
      'weights.bin': payload,
      'no-name': payload,
      'two.pkl': Buffer.concat([bytesOf('\u0080\u0002N.'), payload]),
      'model.pt': zip([
        { name: 'archive/data.pkl', content: payload },
        { name: 'archive/version', content: bytesOf('3') },
      ]),
    }
    for (const [path, bytes] of Object.entries(places)) {
      expect([path, (await interpret({ [path]: bytes })).verdict]).toEqual([path, 'dangerous'])
    }
  })

  test('that name what nobody knows, or that compute a name, are suspicious', async () => {
    const unknown = '\u0080\u0002csome.package\nThing\n)R.'
    const computed = `\u0080\u0004${short('os')}N\u0093.`
    const cut = '\u0080\u0002ccollections\nOrderedDict\n)R'
    for (const pickle of [unknown, computed, cut]) {
      expect((await interpret({ 'm.pkl': bytesOf(pickle) })).verdict).not.toBe('clean')
    }
    expect((await interpret({ 'm.pkl': bytesOf(`${cut}.`) })).verdict).toBe('clean')
  })

  test('without end take bounded time and memory', async () => {
    const nested = bytesOf(`\u0080\u0002${'('.repeat(3_000_000)}`)
    const doubled = bytesOf(`\u0080\u0002]q\u0000${'h\u0000a'.repeat(100_000)}.`)
    expect((await interpret({ 'm.pkl': nested })).verdict).toBe('suspicious')
    expect((await interpret({ 'm.pkl': doubled })).verdict).toBe('clean')
  })
})

describe('archives', () => {
  const good = { name: 'x/data.pkl', content: bytesOf('\u0080\u0002N.') }
  const cases: [string, Buffer, RegExp][] = [
    ['two entries of one name', zip([good, good]), /one name/],
    ['entries in one place', zip([good, { ...good, name: 'x/d', offset: 0 }]), /same place/],
    ['an encrypted entry', zip([{ ...good, flags: 1 }]), /encrypted/],
    [
      'a size of 10 GB',
      zip([{ ...good, packed: deflateSync(Buffer.alloc(1000)).subarray(2, -4), declared: 4e9 }]),
      /too large/,
    ],
    [
      'more than it says',
      zip([{ ...good, packed: deflateSync(Buffer.alloc(1000)).subarray(2, -4), declared: 10 }]),
      /larger than it says/,
    ],
    ['another name inside', zip([{ ...good, localName: 'y/data.pkl' }]), /different names/],
    ['no end', zip([good]).subarray(0, -5), /ends too early/],
  ]

  test.each(cases)('with %s are refused', async (_, bytes, reason) => {
    expect(await refusal('model.pt', bytes)).toMatch(reason)
  })
})

describe('headers that lie', () => {
  const header = (value: unknown, data = 0): Buffer => {
    const json = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(json.length))
    return Buffer.concat([length, json, Buffer.alloc(data)])
  }
  const tensor = (more: object) => ({ w: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16], ...more } })

  test.each([
    ['a place outside', header(tensor({ data_offsets: [0, 1e10], shape: [50_000, 50_000] }), 16), /outside the file/],
    ['another size than its shape', header(tensor({ shape: [3, 3] }), 16), /do not fit/],
    ['a shape beyond numbers', header(tensor({ shape: [1e15, 1e15] }), 16), /do not fit/],
    ['negative lengths', header(tensor({ shape: [-2, -2] }), 16), /damaged/],
    ['no JSON', header('{"w":', 16), /JSON is damaged/],
    ['a length of 10 GB', bytesOf('\u0000\u00e4\u000b\u0054\u0002\u0000\u0000\u0000{}'), /longer than the file/],
  ])('safetensors with %s', async (_, bytes, reason) => {
    expect(await refusal('m.safetensors', bytes)).toMatch(reason)
  })

  const field = (number: number, content: Buffer | number): Buffer => {
    if (typeof content === 'number') return Buffer.from([number << 3, content])
    return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content])
  }
  const onnx = (initializer: Buffer): Buffer => Buffer.concat([field(8, field(2, 18)), field(7, field(5, initializer))])
  const floats = (shape: number, ...more: Buffer[]) =>
    Buffer.concat([field(1, shape), field(2, 1), field(8, bytesOf('w')), ...more])
  const outside = (place: string) => field(13, Buffer.concat([field(1, bytesOf('location')), field(2, bytesOf(place))]))

  test.each([
    ['fewer bytes than its shape', onnx(floats(9, field(9, Buffer.alloc(4)))), /do not fit/],
    ['tensors outside of the model', onnx(floats(9, outside('../../etc/passwd'))), /outside the model/],
    ['tensors at an absolute place', onnx(floats(9, outside('/etc/passwd'))), /outside the model/],
    ['a length beyond its end', Buffer.concat([Buffer.from([0x3a]), varint(1e10)]), /not true/],
    ['nothing in it', field(2, bytesOf('nobody')), /no graph/],
    ['bytes of something else', bytesOf('<!doctype html><p>not found'), /no protobuf|not true/],
  ])('ONNX with %s', async (_, bytes, reason) => {
    expect(await refusal('m.onnx', bytes)).toMatch(reason)
  })

  test('ONNX nested without end', async () => {
    let type: Buffer = Buffer.alloc(0)
    for (let depth = 0; depth < 200; depth++) type = field(4, field(1, type))
    const bytes = Buffer.concat([field(8, field(2, 18)), field(7, field(11, field(2, type)))])
    expect(await refusal('m.onnx', bytes)).toMatch(/nested too deeply/)
  })

  test('functions of TensorFlow that call each other without end are drawn up to a bound', async () => {
    const named = (number: number, name: string) => field(number, bytesOf(name))
    const calls = (name: string, of: string) => {
      const attribute = Buffer.concat([named(1, 'f'), field(2, field(10, named(1, of)))])
      return Buffer.concat([named(1, name), named(2, 'PartitionedCall'), field(5, attribute)])
    }
    const twice = (name: string, of: string) =>
      field(1, Buffer.concat([field(1, named(1, name)), field(3, calls('a', of)), field(3, calls('b', of))]))
    const library = field(2, Buffer.concat([twice('f', 'g'), twice('g', 'f')]))
    const bytes = field(2, field(2, Buffer.concat([field(1, calls('begin', 'f')), library])))
    const graph = await readGraph({ files: [memoryFile('saved_model.pb', bytes)], complete: true })
    expect(graph.nodes.length).toBeLessThanOrEqual(1000)
    expect(graph.nodes.every(({ type }) => type === 'PartitionedCall')).toBe(true)
  })

  const gguf = (...parts: (string | bigint | number)[]): Buffer => {
    const bytes = parts.map((part) => {
      if (typeof part === 'string') return bytesOf(part)
      const number = Buffer.alloc(typeof part === 'bigint' ? 8 : 4)
      if (typeof part === 'bigint') number.writeBigUInt64LE(part)
      else number.writeUInt32LE(part)
      return number
    })
    return Buffer.concat([bytesOf('GGUF'), ...bytes])
  }

  test.each([
    ['tensors without number', gguf(3, 2n ** 60n, 0n), /more than can be/],
    ['a text of 10 GB', gguf(3, 0n, 1n, 10n ** 10n, 'x'), /not true/],
    ['a list of 10 GB', gguf(3, 0n, 1n, 1n, 'a', 9, 0, 10n ** 10n), /not true/],
    ['a tensor beyond its end', gguf(3, 1n, 0n, 1n, 'w', 1, 1_000_000n, 0, 0n), /outside the file/],
    ['another version', gguf(99, 0n, 0n), /not known/],
  ])('GGUF with %s', async (_, bytes, reason) => {
    expect(await refusal('m.gguf', bytes)).toMatch(reason)
  })

  test.each([
    'saved_model.pb',
    'm.keras',
    'm.h5',
    'm.onnx',
    'm.gguf',
    'm.safetensors',
    'm.pt',
    'm.json',
    'm.ubj',
    'MLmodel',
    'm.npy',
  ])('%s of noise ends with a reason or as custom', async (name) => {
    for (let seed = 1; seed <= 20; seed++) {
      const begin =
        {
          'm.h5': '\u0089HDF\r\n\u001a\n\u0000',
          'm.pt': 'PK\u0003\u0004',
          'm.json': '{"learner":',
          'm.ubj': '{L\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0007learner',
        }[name] ?? ''
      const bytes = Buffer.concat([bytesOf(begin), noise(seed, 3000)])
      const found = await interpret({ [name]: bytes }).catch((error: unknown) => error)
      if (found instanceof Error) expect(found).toBeInstanceOf(FormatError)
    }
  })

  test('of a file of 10 GB only headers are read', async () => {
    const json = Buffer.from(JSON.stringify({ w: { dtype: 'F32', shape: [2_500_000_000], data_offsets: [0, 1e10] } }))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(json.length))
    const begin = Buffer.concat([length, json])
    let bytesRead = 0
    const file: ModelFile = {
      path: 'large.safetensors',
      sizeBytes: begin.length + 1e10,
      read: async (start, wanted) => {
        bytesRead += wanted
        return begin.subarray(start, start + wanted)
      },
    }
    const found = await interpretModel({ files: [file], complete: true })
    expect(found).toMatchObject({ parameters: 2_500_000_000, layers: [{ sizeBytes: 1e10 }] })
    expect(bytesRead).toBeLessThan(1000)
  })
})

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

function noise(seed: number, length: number): Buffer {
  let state = seed * 2_654_435_761
  return Buffer.from(Array.from({ length }, () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) >>> 16))
}

interface Entry {
  name: string
  content: Buffer
  localName?: string
  flags?: number
  /** Deflated; then `declared` is the size that it is said to have. */
  packed?: Buffer
  declared?: number
  offset?: number
}

/** A zip archive that need not be an honest one. */
function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, localName = name, flags = 0, packed, declared, offset: claimed } of entries) {
    const data = packed ?? content
    const head = Buffer.alloc(30)
    head.writeUInt32LE(0x04034b50)
    head.writeUInt16LE(localName.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50)
    entry.writeUInt16LE(flags, 8)
    entry.writeUInt16LE(packed ? 8 : 0, 10)
    entry.writeUInt32LE(data.length, 20)
    entry.writeUInt32LE(declared ?? content.length, 24)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(claimed ?? offset, 42)
    directory.push(entry, bytesOf(name))
    parts.push(head, bytesOf(localName), data)
    offset += 30 + localName.length + data.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...directory, end])
}
