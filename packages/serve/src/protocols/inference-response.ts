import { badInput } from '../errors.ts'
import type { Answer } from '../http/route.ts'
import type { Version } from '../model/version.ts'
import { packStrings } from '../tensor/strings.ts'
import { numbersOf, toJson } from '../tensor/to-json.ts'
import { countOf, dataTypes, type Tensor } from '../tensor/types.ts'
import type { InferenceRequest, WantedOutput } from './inference-request.ts'

/**
 * The answer to a request for inference. Where an output is binary its bytes follow the JSON, whose length is then in
 * `Inference-Header-Content-Length`. NaN and the infinities are their names in quotes, as JSON of Protocol Buffers has them.
 */
export function writeInference(version: Version, request: InferenceRequest, outputs: readonly Tensor[]): Answer {
  const chosen = choose(request, outputs)
  const parts: Uint8Array[] = []
  const heads = chosen.map(({ tensor, wanted }) => {
    const given = wanted.classes > 0 ? bestClasses(tensor, wanted.classes, version.classes) : tensor
    const { name, type, shape, bytes } = given
    const head = `"name":${JSON.stringify(name)},"datatype":"${dataTypes[type].inference}","shape":[${shape.join(',')}]`
    if (!wanted.binary) return `{${head},"data":${toJson(given, { special: 'quoted' }, [countOf(shape)])}}`
    parts.push(bytes)
    return `{${head},"parameters":{"binary_data_size":${bytes.length}}}`
  })
  const id = request.id === null ? '' : `"id":${JSON.stringify(request.id)},`
  const names = `"model_name":"${version.name}","model_version":"${version.version}"`
  const text = `{${id}${names},"outputs":[${heads.join(',')}]}`
  if (parts.length === 0) return { status: 200, body: text }
  const head = Buffer.from(text)
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) },
    body: [head, ...parts],
  }
}

function choose(
  { outputs, binary }: InferenceRequest,
  tensors: readonly Tensor[],
): { tensor: Tensor; wanted: WantedOutput }[] {
  if (outputs === null) {
    return tensors.map((tensor) => ({ tensor, wanted: { name: tensor.name, binary, classes: 0 } }))
  }
  return outputs.map((wanted) => {
    const tensor = tensors.find(({ name }) => name === wanted.name)
    if (tensor) return { tensor, wanted }
    throw badInput(`there is no output ${wanted.name}: expected ${tensors.map(({ name }) => name).join(', ')}`)
  })
}

/**
 * The best classes of each row, as text `score:index:label`:
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 */
function bestClasses(tensor: Tensor, count: number, classes: readonly string[] | null): Tensor {
  const { name, type, shape } = tensor
  if (type === 'string') throw badInput(`output ${name} is text, and has no classes`)
  const columns = shape.at(-1) ?? 1
  const values = Array.from(numbersOf(tensor))
  const rows = columns === 0 ? 0 : values.length / columns
  const texts = Array.from({ length: rows }, (_, row) =>
    values
      .slice(row * columns, (row + 1) * columns)
      .map((score, index) => ({ score, index }))
      .sort((a, b) => b.score - a.score)
      .slice(0, count)
      .map(({ score, index }) => Buffer.from([score, index, ...(classes?.[index] ? [classes[index]] : [])].join(':'))),
  )
  return {
    name,
    type: 'string',
    shape: [...shape.slice(0, -1), Math.min(count, columns)],
    bytes: packStrings(texts.flat()),
  }
}
