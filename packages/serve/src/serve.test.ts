import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { affine, everyType, halfPlusThree, lookup, sum, writeModel } from './testing/models.ts'
import { makeFolder, startServer, type TestServer } from './testing/start.ts'
import { type DataType, dataTypes } from './tensor/types.ts'

/** The protocols on real models: one server for all of this file. */

const folder = makeFolder()
let server: TestServer

beforeAll(async () => {
  const model = (name: string, graph: typeof affine, more = {}) => ({
    name,
    path: writeModel(folder.path, name, graph),
    format: 'onnx',
    ...more,
  })
  server = await startServer({
    models: [
      model('affine', affine, { version: 3, labels: ['stable'], classes: ['low', 'high'] }),
      model('sum', sum),
      model('types', everyType),
      model('lookup', lookup),
      model('half_plus_three', halfPlusThree, { version: 123 }),
    ],
    limits: { maxBatch: 8, bodyBytes: 65_536, threads: 1 },
  })
})

afterAll(async () => {
  await server.close()
  folder.remove()
})

const rows = [
  [1, 0, 0],
  [0, 0, 1],
]

describe("TensorFlow Serving's REST", () => {
  const affineAt = '/v1/models/affine'

  test('tells status and metadata, by name, version and label', async () => {
    const status = {
      model_version_status: [{ version: '3', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
    }
    for (const path of ['', '/versions/3', '/labels/stable']) {
      expect((await server.get(affineAt + path)).json).toEqual(status)
    }
    const { json } = await server.get(`${affineAt}/metadata`)
    expect(json['model_spec']).toEqual({ name: 'affine', signature_name: '', version: '3' })
    expect(json).toHaveProperty('metadata.signature_def.signature_def.serving_default.inputs.x', {
      dtype: 'DT_FLOAT',
      tensor_shape: {
        dim: [
          { size: '-1', name: '' },
          { size: '3', name: '' },
        ],
        unknown_rank: false,
      },
      name: 'x',
    })
  })

  test('predicts rows and columns, and unwraps the only tensor', async () => {
    const ys = [
      [1.5, 10],
      [3.5, 30],
    ]
    const asked = { instances: rows, signature_name: 'serving_default' }
    expect((await server.post(`${affineAt}:predict`, asked)).json).toEqual({ predictions: ys })
    const named = { instances: rows.map((x) => ({ x })) }
    expect((await server.post(`${affineAt}/versions/3:predict`, named)).json).toEqual({ predictions: ys })
    expect((await server.post(`${affineAt}:predict`, { inputs: rows })).json).toEqual({ outputs: ys })
    expect((await server.post(`${affineAt}/labels/stable:predict`, { inputs: { x: rows } })).json).toEqual({
      outputs: ys,
    })
  })

  test('takes an object for each row of several inputs', async () => {
    const instances = [
      { a: [1, 2], b: [10, 20] },
      { a: [3, 4], b: [30, 40] },
    ]
    const predictions = [
      [11, 22],
      [33, 44],
    ]
    expect((await server.post('/v1/models/sum:predict', { instances })).json).toEqual({ predictions })
  })

  test('classifies and regresses examples', async () => {
    const asked = { examples: [{ p: 1, q: 0, r: 0 }, { x: [0, 0, 1] }].slice(0, 1) }
    const { json } = await server.post(`${affineAt}:classify`, asked)
    expect(json).toEqual({ results: [[['low', 1.5], ['high', 10]]] }) // oxfmt-ignore
    const shared = { context: { x: [0, 0, 1] }, examples: [{}, { x: [1, 0, 0] }] }
    expect((await server.post(`${affineAt}:classify`, shared)).json).toEqual({
      results: [
        [
          ['low', 3.5],
          ['high', 30],
        ],
        [
          ['low', 1.5],
          ['high', 10],
        ],
      ],
    })
    const regress = await server.post('/v1/models/lookup:regress', { examples: [{ index: 2 }, { index: 0 }] })
    expect(regress.json).toEqual({ results: [12, 10] })
    expect((await server.post(`${affineAt}:regress`, shared)).json['error']).toMatch(/one float for each example/)
  })

  test('takes and writes NaN and the infinities as bare words', async () => {
    const body = '{"inputs": [[NaN, 0, 0], [Infinity, 0, 0], [-Infinity, 0, 0]]}'
    const { status, text } = await server.post(`${affineAt}:predict`, body)
    expect(status).toBe(200)
    expect(text).toBe('{"outputs":[[NaN,NaN],[Infinity,Infinity],[-Infinity,-Infinity]]}')
  })

  // https://www.tensorflow.org/tfx/serving/api_rest#example
  test('answers the samples of its page', async () => {
    const at = '/v1/models/half_plus_three'
    expect((await server.get(at)).json).toMatchObject({ model_version_status: [{ version: '123' }] })
    const predicted = await server.post(`${at}:predict`, { instances: [1, 2, 5] })
    expect(predicted.json).toEqual({ predictions: [3.5, 4, 5.5] })
    const examples = { signature_name: 'tensorflow/serving/regress', examples: [{ x: 1 }, { x: 2 }] }
    expect((await server.post(`${at}:regress`, examples)).json).toEqual({ results: [3.5, 4] })
  })

  test('is there below /model-serving too, for servers with one model', async () => {
    const { status, json } = await server.post('/model-serving/de123:predict', { instances: rows })
    expect(status).toBe(404)
    expect(json['error']).toMatch(/name the model in the address: affine, sum, types, lookup/)
  })
})

describe('the Open Inference Protocol', () => {
  test('tells of server and models', async () => {
    expect((await server.get('/v2/health/live')).json).toEqual({ live: true })
    expect((await server.get('/v2/health/ready')).json).toEqual({ ready: true })
    expect((await server.get('/v2')).json['extensions']).toContain('binary_tensor_data')
    expect((await server.get('/v2/models/affine/versions/3')).json).toEqual({
      name: 'affine',
      versions: ['3'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    })
    expect((await server.get('/v2/models/affine/ready')).status).toBe(200)
    expect((await server.get('/v2/models/affine/config')).json['max_batch_size']).toBe(8)
    const { text } = await server.post('/v2/repository/index', '')
    expect(JSON.parse(text)).toContainEqual({ name: 'sum', version: '1', state: 'READY', reason: '' })
  })

  test('infers from JSON, flat or nested, and answers with the id', async () => {
    const outputs = [{ name: 'y', datatype: 'FP32', shape: [2, 2], data: [1.5, 10, 3.5, 30] }]
    for (const data of [rows, rows.flat()]) {
      const asked = { id: 'one', inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], data }] }
      const { json } = await server.post('/v2/models/affine/infer', asked)
      expect(json).toEqual({ id: 'one', model_name: 'affine', model_version: '3', outputs })
    }
  })

  test('takes and gives binary tensors', async () => {
    const values = Buffer.from(Float32Array.from(rows.flat()).buffer)
    const parameters = { binary_data_size: values.length }
    const head = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], parameters }],
      parameters: { binary_data_output: true },
    })
    const response = await fetch(`${server.url}/v2/models/affine/infer`, {
      method: 'POST',
      body: Buffer.concat([Buffer.from(head), values]),
      headers: { 'inference-header-content-length': String(head.length) },
    })
    const body = Buffer.from(await response.arrayBuffer())
    const length = Number(response.headers.get('inference-header-content-length'))
    expect(JSON.parse(body.subarray(0, length).toString())).toMatchObject({
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 2], parameters: { binary_data_size: 16 } }],
    })
    expect([...new Float32Array(Uint8Array.from(body.subarray(length)).buffer)]).toEqual([1.5, 10, 3.5, 30])
  })

  test('names the best classes', async () => {
    const outputs = [{ name: 'y', parameters: { classification: 1 } }]
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: rows.flat() }]
    const { json } = await server.post('/v2/models/affine/infer', { inputs, outputs })
    expect(json['outputs']).toEqual([{ name: 'y', datatype: 'BYTES', shape: [2, 1], data: ['10:1:high', '30:1:high'] }])
  })

  test('hands every type through, up to its bounds', async () => {
    const samples: Record<DataType, unknown[]> = {
      bool: [true, false],
      int8: [-128, 127],
      int16: [-32_768, 32_767],
      int32: [-2_147_483_648, 2_147_483_647],
      int64: ['-9223372036854775808', 9_007_199_254_740_991],
      uint8: [0, 255],
      uint16: [0, 65_535],
      uint32: [0, 4_294_967_295],
      uint64: ['18446744073709551615', 1],
      float16: [65_504, 0.1],
      float32: [0.1, 3.4028235e38],
      float64: [Math.PI, 5e-324],
      string: ['ä"\\\u0000', { b64: Buffer.from([0xff, 0]).toString('base64') }],
    }
    const inputs = Object.entries(samples).map(([type, data]) => ({
      name: `in_${type}`,
      datatype: dataTypes[type as DataType].inference,
      shape: [1, 2],
      data,
    }))
    // What is no UTF-8 cannot go through the text of the runtime.
    inputs.at(-1)!.data = ['ä"\\', 'b']
    const { status, text } = await server.post('/v2/models/types/infer', { inputs })
    expect(status, text).toBe(200)
    for (const [type, data] of Object.entries(samples)) {
      if (type === 'string') expect(text).toContain(String.raw`"data":["ä\"\\","b"]`)
      else if (type === 'int64') expect(text).toContain('[-9223372036854775808,9007199254740991]')
      else if (type === 'uint64') expect(text).toContain('[18446744073709551615,1]')
      else if (type === 'float16') expect(text).toContain('[65504,0.099975586]')
      else expect(text).toContain(JSON.stringify(data))
    }
  })
})

describe('the plain form', () => {
  test('takes many examples, or one, and answers alike', async () => {
    expect((await server.post('/models/affine/predict', { x: rows })).json).toEqual({
      y: [
        [1.5, 10],
        [3.5, 30],
      ],
    })
    expect((await server.post('/models/affine/versions/3/predict', { x: [1, 0, 0] })).json).toEqual({ y: [1.5, 10] })
    expect((await server.post('/models/affine/predict', [1, 0, 0])).json).toEqual({ y: [1.5, 10] })
    expect((await server.post('/models/affine/predict', { x: ['NaN', 0, 0] })).json).toEqual({})
    expect((await server.post('/models/affine/predict', { x: ['NaN', 0, 0] })).text).toBe('{"y":["NaN","NaN"]}')
  })

  test('has an OpenAPI document and a page', async () => {
    const document = await server.get('/openapi.json')
    const json = JSON.parse(document.text) as Record<string, unknown>
    expect(json).toHaveProperty('openapi', '3.1.0')
    expect(Object.keys(json['paths'] as object)).toContain('/models/sum/predict')
    const page = await server.get('/')
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.text).toContain('models/affine/versions/3/predict -d ')
    expect((await server.get('/metrics')).text).toMatch(
      /nabla_serve_requests_total\{model="affine",version="3",.*status="200"\} \d/,
    )
  })
})

describe('what is wrong is answered with what was expected', () => {
  const predict = '/v1/models/affine:predict'
  const infer = '/v2/models/affine/infer'
  const x = { name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }

  test.each<[string, string, unknown, number, RegExp]>([
    ['no JSON', predict, '{"instances": [[1, 2', 400, /no JSON/],
    ['no object', predict, '[1]', 400, /must be an object/],
    ['nothing', predict, '', 400, /no JSON/],
    ['neither key', predict, {}, 400, /expected 'instances' \(rows\) or 'inputs' \(columns\)/],
    ['both keys', predict, { instances: rows, inputs: rows }, 400, /only one of/],
    ['no rows', predict, { instances: [] }, 400, /must be a list with rows/],
    ['another signature', predict, { signature_name: 'other', instances: rows }, 400, /expected serving_default/],
    [
      'too few columns',
      predict,
      { instances: [[1, 2]] },
      400,
      /input x: expected float32 \[\?, 3\], got float32 \[1, 2\]/,
    ],
    ['too many dimensions', predict, { instances: [rows] }, 400, /expected float32 \[\?, 3\], got float32 \[1, 2, 3\]/],
    [
      'uneven rows',
      predict,
      { instances: [[1, 2, 3], [4]] },
      400,
      /a list of 1: lists of one level must be equally long/,
    ],
    ['text', predict, { instances: [[1, 'a', 3]] }, 400, /at \[0\]\[1\] there is "a"/],
    ['null', predict, { instances: [[1, null, 3]] }, 400, /at \[0\]\[1\] there is null/],
    ['a number beyond', predict, { instances: [[1, 1e39, 3]] }, 400, /at \[0\]\[1\] there is 1e\+39/],
    [
      'another name',
      predict,
      { instances: [{ z: [1, 2, 3] }] },
      400,
      /there is no input z: expected x \(float32 \[\?, 3\]\)/,
    ],
    ['too many rows', predict, { instances: Array.from({ length: 9 }, () => [1, 2, 3]) }, 400, /9 rows .* at most 8/],
    ['missing input', '/v1/models/sum:predict', { inputs: { a: [[1, 2]] } }, 400, /input b is missing/],
    ['uneven inputs', '/v1/models/sum:predict', { inputs: { a: [[1, 2]], b: [[1, 2], [3, 4]] } }, 400, /inputs differ in rows/], // oxfmt-ignore
    [
      'no such model',
      '/v1/models/none:predict',
      { instances: rows },
      404,
      /there is no model none: expected affine, sum/,
    ],
    [
      'no such version',
      '/v1/models/affine/versions/9:predict',
      { instances: rows },
      404,
      /no version 9: expected one of 3=stable/,
    ],
    ['no such label', '/v1/models/affine/labels/canary:predict', { instances: rows }, 404, /no label canary/],
    ['no such verb', '/v1/models/affine:guess', {}, 404, /there is nothing at/],
    [
      'a fraction for an integer',
      '/v1/models/lookup:predict',
      { instances: [0.5] },
      400,
      /expected int64 \[\?\], at \[0\] there is 0.5/,
    ],
    [
      'a long that a double cannot hold',
      '/v1/models/lookup:predict',
      { instances: [2 ** 60] },
      400,
      /digits in quotes/,
    ],
    ['an index beyond the table', '/v1/models/lookup:predict', { instances: [7] }, 500, /out of data bounds/],
    ['no inputs', infer, {}, 400, /'inputs' must be a list of tensors/],
    ['unknown type', infer, { inputs: [{ ...x, datatype: 'BF16' }] }, 400, /expected a datatype of BOOL/],
    [
      'another type',
      infer,
      { inputs: [{ ...x, datatype: 'INT32' }] },
      400,
      /expected float32 \[\?, 3\], got int32 \[1, 3\]/,
    ],
    [
      'too little data',
      infer,
      { inputs: [{ ...x, data: [1, 2] }] },
      400,
      /data has 2 values, and the shape \[1, 3\] needs 3/,
    ],
    ['a shape of text', infer, { inputs: [{ ...x, shape: ['1', 3] }] }, 400, /'shape' must be a list of whole numbers/],
    ['a negative shape', infer, { inputs: [{ ...x, shape: [-1, 3] }] }, 400, /'shape' must be a list of whole numbers/],
    ['a huge shape', infer, { inputs: [{ ...x, shape: [1e15, 3] }] }, 400, /needs 3000000000000000/],
    ['no data', infer, { inputs: [{ ...x, data: undefined }] }, 400, /neither 'data' nor 'binary_data_size'/],
    [
      'bytes that are not there',
      infer,
      { inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 12 } }] },
      400,
      /0 bytes are left/,
    ],
    ['another output', infer, { inputs: [x], outputs: [{ name: 'z' }] }, 400, /there is no output z: expected y/],
    ['the same input twice', infer, { inputs: [x, x] }, 400, /an input is there twice/],
    ['unloading', '/v2/repository/models/affine/unload', '', 403, /`repositoryControl` is off/],
    ['a plain body of another name', '/models/affine/predict', { z: 1 }, 400, /there is no input z|input x is missing/],
    [
      'deep nesting',
      '/models/affine/predict',
      `${'['.repeat(9000)}1${']'.repeat(9000)}`,
      400,
      /nested more than 32 deep/,
    ],
    [
      'a shape that is too large',
      predict,
      `{"instances":[[${'1,'.repeat(900)}1],${'[],'.repeat(900)}[]]}`,
      400,
      /expected float32/,
    ],
    ['too large a body', predict, `{"instances": "${'a'.repeat(70_000)}"}`, 413, /at most 65536 bytes/],
  ])('%s', async (_, path, body, status, message) => {
    const reply = await server.post(path, body)
    expect({ status: reply.status, error: reply.json['error'] }).toEqual({
      status,
      error: expect.stringMatching(message),
    })
  })

  test('a method that is not possible, a packing that is not known, bytes that inflate without end', async () => {
    expect((await server.get(predict)).status).toBe(405)
    expect((await server.post(predict, 'x', { 'content-encoding': 'zstd' })).status).toBe(415)
    expect((await server.post(predict, 'x', { 'content-encoding': 'gzip' })).json['error']).toMatch(/not gzip/)
    const { gzipSync } = await import('node:zlib')
    const bomb = gzipSync(Buffer.alloc(1_000_000, 0x20))
    expect((await server.post(predict, bomb, { 'content-encoding': 'gzip' })).status).toBe(413)
    const small = gzipSync(JSON.stringify({ instances: rows }))
    expect((await server.post(predict, small, { 'content-encoding': 'gzip' })).status).toBe(200)
  })

  test('a head that is longer than the body', async () => {
    const reply = await server.post(infer, '{}', { 'inference-header-content-length': '99' })
    expect(reply.json['error']).toMatch(/Inference-Header-Content-Length is 99/)
  })
})
