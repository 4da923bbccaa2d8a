import { badInput } from '../errors.ts'
import { isObject } from '../http/json-body.ts'
import type { Answer, Context } from '../http/route.ts'
import { checkInputs, type Version } from '../model/version.ts'
import { fromJson } from '../tensor/from-json.ts'
import { scoresOf } from '../tensor/scores.ts'
import { valueTexts } from '../tensor/to-json.ts'
import type { Tensor, TensorSpec } from '../tensor/types.ts'
import { parseRequest } from './tf-request.ts'

/**
 * Classify and regress: examples of named features, and a label with a score, or a value, for each.
 * https://www.tensorflow.org/tfx/serving/api_rest#classify_and_regress_api
 */

/** `{"results": [[["label", score], …], …]}`: the name that TensorFlow Serving writes, where its page says `result`. */
export async function classifyAnswer(context: Context, version: Version): Promise<Answer> {
  const outputs = await runExamples(context, version)
  const scored = scoresOf(outputs, version.classes)
  if (scored === null) {
    const names = version.loaded.outputs.map(({ name }) => name).join(', ')
    throw badInput(`classify needs an output of scores, a row of floats for each example; this model has ${names}`)
  }
  const { rows, columns, scores, labels } = scored
  const texts = valueTexts(scores, { special: 'bare' })
  const results = Array.from({ length: rows }, (_, row) => {
    const pairs = Array.from({ length: columns }, (_, column) => {
      const at = row * columns + column
      return `[${JSON.stringify(labels(row, column))},${texts[at]}]`
    })
    return `[${pairs.join(',')}]`
  })
  return { status: 200, body: `{"results":[${results.join(',')}]}` }
}

/** `{"results": [value, …]}`. */
export async function regressAnswer(context: Context, version: Version): Promise<Answer> {
  const outputs = await runExamples(context, version)
  const numbers = outputs.filter(({ type }) => type.startsWith('float'))
  const output = numbers.find(({ shape }) => shape.slice(1).every((length) => length === 1))
  if (!output) {
    const names = version.loaded.outputs.map(({ name }) => name).join(', ')
    throw badInput(`regress needs an output with one float for each example; this model has ${names}`)
  }
  return { status: 200, body: `{"results":[${valueTexts(output, { special: 'bare' }).join(',')}]}` }
}

function runExamples(context: Context, version: Version): Promise<Tensor[]> {
  const { loaded } = version
  const given = fromExamples(loaded.inputs, parseRequest(context.body), context.body.length)
  return context.run(version, checkInputs(loaded, given, version.maxRows))
}

/** A feature for each input; where there is one input of several columns, the features are these, in their order. */
function fromExamples(specs: readonly TensorSpec[], request: Record<string, unknown>, most: number): Tensor[] {
  const { examples, context = {} } = request
  if (!Array.isArray(examples) || examples.length === 0 || !examples.every(isObject) || !isObject(context)) {
    throw badInput("'examples' must be a list of objects, each with a value for each feature")
  }
  const full = examples.map((example) => ({ ...context, ...example }))
  const [first] = full
  const [only, ...others] = specs
  const columns = only?.shape?.length === 2 ? only.shape[1] : null
  const names = Object.keys(first!)
  if (only && others.length === 0 && !names.includes(only.name) && typeof columns === 'number') {
    if (names.length !== columns)
      throw badInput(`each example must have ${columns} features, the first has ${names.length}`)
    return [
      fromJson(
        only,
        full.map((example) => names.map((name) => valueOf(example, name))),
        most,
      ),
    ]
  }
  return specs.map((spec) => {
    const values = full.map((example) => valueOf(example, spec.name))
    // A feature of one value may be sent bare: it is a row of one.
    const wrap = spec.shape?.length === 2 && values.every((value) => !Array.isArray(value))
    return fromJson(spec, wrap ? values.map((value) => [value]) : values, most)
  })
}

function valueOf(example: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(example, name)) return example[name]
  throw badInput(`an example has no feature ${name.slice(0, 100)}`)
}
