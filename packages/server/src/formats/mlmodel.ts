import type { ModelFormat, ModelTensor } from '@nabla/api/model-format'
import { parseDocument } from 'yaml'
import type { Found } from './found.ts'
import { bounds, FormatError, isRecord, type ModelFile, readWhole, shown } from './reader.ts'

/** Flavours of MLflow that are formats of their own here. */
const formats: Record<string, ModelFormat> = {
  sklearn: 'sklearn',
  xgboost: 'xgboost',
  onnx: 'onnx',
  keras: 'keras',
  tensorflow: 'tensorflow',
  pytorch: 'pytorch',
}

/** Reads an `MLmodel`: flavours, signature and who wrote it. https://mlflow.org/docs/latest/ml/model/ */
export async function readMlmodel(file: ModelFile): Promise<Found> {
  const text = (await readWhole(file, 1024 * 1024)).toString('utf8')
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new FormatError(file.path, 'its YAML is damaged')
  const value: unknown = document.toJS({ maxAliasCount: 0 })
  if (!isRecord(value)) throw new FormatError(file.path, 'its YAML is no map')
  const flavors = isRecord(value['flavors']) ? value['flavors'] : {}
  const names = Object.keys(flavors).slice(0, 20)
  const own = names.find((name) => name in formats)
  const signature = isRecord(value['signature']) ? value['signature'] : {}
  return {
    format: own === undefined ? 'mlflow' : (formats[own] ?? 'mlflow'),
    producer: `MLflow ${shown(wordOf(value['mlflow_version']), 60)}`.trim(),
    inputs: tensorsOf(signature['inputs']),
    outputs: tensorsOf(signature['outputs']),
    details: {
      flavors: names.map((name) => shown(name, 60)).join(', '),
      ...Object.fromEntries(names.flatMap((name) => versionsOf(name, flavors[name]))),
    },
  }
}

const wordOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')

/** What a flavour says of versions, and of the file that it keeps the model in. */
function versionsOf(flavor: string, value: unknown): [string, string][] {
  if (!isRecord(value)) return []
  const kept = Object.entries(value).filter(
    ([name, one]) => /version|format|loader|class/.test(name) && wordOf(one) !== '',
  )
  return kept.slice(0, 20).map(([name, one]) => [shown(`${flavor}: ${name}`, 100), shown(wordOf(one), 200)])
}

/** JSON of columns, `{type, name}`, or of tensors, `{type: 'tensor', 'tensor-spec': {dtype, shape}}`. */
function tensorsOf(text: unknown): ModelTensor[] {
  if (typeof text !== 'string' || text.length > 4 * bounds.textBytes) return []
  let items: unknown
  try {
    items = JSON.parse(text)
  } catch {
    return []
  }
  if (!Array.isArray(items)) return []
  return items
    .filter(isRecord)
    .slice(0, bounds.layers)
    .map((item, at) => {
      const spec = isRecord(item['tensor-spec']) ? item['tensor-spec'] : undefined
      const name = shown(wordOf(item['name']) || `${at}`)
      if (!spec) return { name, type: shown(wordOf(item['type']), 60), shape: null }
      return { name, type: shown(wordOf(spec['dtype']), 60), shape: shapeOf(spec['shape']) }
    })
}

function shapeOf(value: unknown): (number | null)[] | null {
  if (!Array.isArray(value) || value.length > bounds.dimensions) return null
  return value.map((length) =>
    typeof length === 'number' && Number.isSafeInteger(length) && length >= 0 ? length : null,
  )
}
