import type { Interpretation, ModelFormat } from '@nabla/api/model-format'
import { metadataName, readMetadata } from './custom.ts'
import { readEventFile } from './event-file.ts'
import { statisticsOf } from './statistics.ts'
import type { Found } from './found.ts'
import { readGguf } from './gguf.ts'
import { readKeras, readKerasH5 } from './keras.ts'
import { readMlmodel } from './mlmodel.ts'
import { readOnnx } from './onnx.ts'
import { worst } from './pickle-verdict.ts'
import { scanPickles } from './pickles.ts'
import { readPytorch } from './pytorch.ts'
import { FormatError, type ModelFile, type ModelFiles } from './reader.ts'
import { readSafetensors } from './safetensors.ts'
import { readSavedModel } from './tensorflow.ts'
import { looksLikeXgboost, readXgboost } from './xgboost.ts'

/**
 * Says what the files of a model are, from their headers alone: nothing is run or unpickled. What is not known is
 * custom, and said to be. Throws `FormatError` for a file that is damaged, or says of itself what cannot be.
 */
export async function interpretModel(model: ModelFiles): Promise<Interpretation> {
  const main = await findMain(model)
  const own = main ? await main.read() : undefined
  const mlmodel = shallowest(model.files, /(^|\/)MLmodel$/)
  const flavor = mlmodel ? await readMlmodel(mlmodel) : undefined
  const pickles = await scanPickles(model.files)
  const metadata = await readExtra(model.files)
  const warnings = [...(own?.warnings ?? []), ...(flavor?.warnings ?? []), ...metadata.warnings]
  if (!model.complete) warnings.push(`Only the first ${model.files.length} files were looked at.`)
  if (!pickles.complete) warnings.push('Not all files were looked through for pickles.')
  const format = flavor && flavor.format !== 'mlflow' ? flavor.format : (own?.format ?? guess(flavor, pickles.found))
  if (format === 'custom') warnings.push('The format is not known here: the files are kept as they are.')
  const weights = own?.weights
  return {
    format,
    path: main?.file.path ?? mlmodel?.path ?? null,
    producer: own?.producer ?? flavor?.producer ?? null,
    opsets: own?.opsets ?? [],
    inputs: preferred(flavor?.inputs, own?.inputs),
    outputs: preferred(flavor?.outputs, own?.outputs),
    parameters: weights ? weights.parameters : null,
    layers: weights?.layers ?? [],
    layerCount: weights?.count ?? 0,
    hasGraph: own?.hasGraph ?? false,
    details: { ...metadata.details, ...flavor?.details, ...own?.details },
    metrics: metadata.metrics,
    pickles: pickles.found,
    verdict: worst(
      pickles.complete
        ? pickles.found.map(({ verdict }) => verdict)
        : [...pickles.found.map(({ verdict }) => verdict), 'suspicious'],
    ),
    warnings: warnings.slice(0, 50),
  }
}

/** The file that says most of a model, and how it is read. */
export interface Main {
  file: ModelFile
  format: ModelFormat
  read(): Promise<Found | undefined>
}

/** Looks for it by names, and then by how files begin. */
export async function findMain(model: ModelFiles): Promise<Main | undefined> {
  const { files } = model
  const named = (name: RegExp) => shallowest(files, name)
  const saved = named(/(^|\/)saved_model\.pb$/)
  if (saved) return { file: saved, format: 'tensorflow', read: () => readSavedModel(saved, model) }
  const onnx = named(/\.onnx$/i)
  if (onnx) return { file: onnx, format: 'onnx', read: () => readOnnx(onnx, model) }
  const keras = named(/\.keras$/i)
  if (keras) return { file: keras, format: 'keras', read: () => demand(keras, readKeras(keras), 'a model of Keras') }
  const parts = files.filter(({ path }) => /\.safetensors$/i.test(path))
  const [first] = parts
  if (first) return { file: first, format: 'safetensors', read: () => readSafetensors(parts) }
  const gguf = named(/\.gguf$/i)
  if (gguf) return { file: gguf, format: 'gguf', read: () => readGguf(gguf) }
  for (const file of byDepth(files).slice(0, 100)) {
    const found = await byContent(file)
    if (found) return found
  }
  return undefined
}

async function byContent(file: ModelFile): Promise<Main | undefined> {
  const magic = (await file.read(0, 16)).toString('latin1')
  if (magic.startsWith('GGUF')) return { file, format: 'gguf', read: () => readGguf(file) }
  if (magic.startsWith('\u0089HDF\r\n')) return { file, format: 'keras-h5', read: () => readKerasH5(file) }
  if (/^.{6}\u0000\u0000\{"/s.test(magic)) return { file, format: 'safetensors', read: () => readSafetensors([file]) }
  if (magic.startsWith('PK\u0003\u0004')) return inZip(file)
  if (magic.startsWith('{') && /\.(json|ubj|xgb|model|bst)$/i.test(file.path) && (await looksLikeXgboost(file))) {
    return { file, format: 'xgboost', read: () => readXgboost(file) }
  }
  return undefined
}

/** An archive that PyTorch or Keras did not write is any other file, unless its name says that they did. */
async function inZip(file: ModelFile): Promise<Main | undefined> {
  const isNamed = /\.(pt|pth|ckpt)$/i.test(file.path)
  try {
    const pytorch = await readPytorch(file)
    if (pytorch) return { file, format: pytorch.format, read: async () => pytorch }
    const keras = await readKeras(file)
    return keras && { file, format: 'keras', read: async () => keras }
  } catch (error) {
    if (isNamed || !(error instanceof FormatError)) throw error
    return undefined
  }
}

async function demand(file: ModelFile, reading: Promise<Found | undefined>, what: string): Promise<Found> {
  const found = await reading
  if (!found) throw new FormatError(file.path, `it is not ${what}`)
  return found
}

function guess(flavor: Found | undefined, pickles: Interpretation['pickles']): ModelFormat {
  if (flavor) return flavor.format
  const names = pickles.flatMap(({ imports }) => imports.map(({ name }) => name))
  if (names.some((name) => name.startsWith('sklearn.'))) return 'sklearn'
  if (names.some((name) => name.startsWith('xgboost.'))) return 'xgboost'
  if (names.some((name) => name.startsWith('torch.'))) return 'pytorch'
  return pickles.length > 0 ? 'pickle' : 'custom'
}

/** Metrics and words from `gradient-model-metadata.json`, and metrics from event files of TensorBoard. */
async function readExtra(files: readonly ModelFile[]) {
  const warnings: string[] = []
  const series = new Map<string, number[]>()
  for (const file of files.filter(({ path }) => /(^|\/)events\.out\.tfevents\.[^/]*$/.test(path)).slice(0, 20)) {
    await readEventFile(file, series)
  }
  const metrics = new Map([...series].map(([name, values]) => [name, metricOf(name, values)]))
  const described = shallowest(files, new RegExp(`(^|/)${metadataName.replaceAll('.', '\\.')}$`))
  let details: Record<string, string> = {}
  if (described) {
    try {
      const found = await readMetadata(described)
      details = found.details ?? {}
      for (const { name, value } of found.metrics ?? []) metrics.set(name, { name, value })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      warnings.push(`${described.path}: ${error.message}.`)
    }
  }
  return { details, warnings, metrics: [...metrics.values()].slice(0, 1000) }
}

function metricOf(name: string, values: readonly number[]): Interpretation['metrics'][number] {
  const statistics = statisticsOf(values)
  return { name, value: values.at(-1) ?? Number.NaN, ...(statistics && { statistics }) }
}

const preferred = <T>(first: T[] | undefined, second: T[] | undefined): T[] => (first?.length ? first : (second ?? []))

const byDepth = (files: readonly ModelFile[]): ModelFile[] =>
  files.toSorted((a, b) => a.path.split('/').length - b.path.split('/').length || (a.path < b.path ? -1 : 1))

const shallowest = (files: readonly ModelFile[], name: RegExp): ModelFile | undefined =>
  byDepth(files).find(({ path }) => name.test(path))
