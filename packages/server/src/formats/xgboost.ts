import type { Found } from './found.ts'
import { bounds, FormatError, isRecord, type ModelFile, parseObject, readWhole, shown } from './reader.ts'
import { readUbjson } from './ubjson.ts'

/** Whether the beginning of a JSON file looks like a model of XGBoost, which has `learner` first. */
export async function looksLikeXgboost(file: ModelFile): Promise<boolean> {
  const head = (await file.read(0, 64)).toString('latin1')
  return /^\{\s*"learner"\s*:/.test(head) || /^\{[\s\S]{1,9}learner/.test(head)
}

/** Reads a model of XGBoost: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html. */
export async function readXgboost(file: ModelFile): Promise<Found> {
  const begin = (await file.read(0, 1)).toString('latin1')
  if (begin !== '{') throw new FormatError(file.path, 'it is no model of XGBoost')
  const isText = /^\{\s*"/.test((await file.read(0, 64)).toString('latin1'))
  if (isText && file.sizeBytes > bounds.wholeBytes) {
    const warning = 'It is too large to be looked through as JSON; saved as UBJSON it can be read.'
    return { format: 'xgboost', producer: 'XGBoost', warnings: [warning] }
  }
  const model = isText ? parseObject(file, (await readWhole(file)).toString('utf8')) : await readUbjson(file)
  const learner = isRecord(model) ? at(model, 'learner') : undefined
  if (!isRecord(learner)) throw new FormatError(file.path, 'it has no learner')
  const version = at(model, 'version')
  const parameters = at(learner, 'learner_model_param')
  const trees = at(learner, 'gradient_booster', 'model', 'gbtree_model_param', 'num_trees')
  const objective = at(learner, 'objective', 'name')
  const features = at(learner, 'feature_names')
  const types = at(learner, 'feature_types')
  const count = Number(at(parameters, 'num_feature') ?? 0)
  const names = Array.isArray(features) ? features.filter((name) => typeof name === 'string') : []
  return {
    format: 'xgboost',
    producer: Array.isArray(version) ? `XGBoost ${version.map(String).join('.')}` : 'XGBoost',
    inputs: names
      .slice(0, bounds.layers)
      .map((name, index) => ({ name: shown(name), type: typeOf(types, index), shape: [null] })),
    details: Object.fromEntries(
      Object.entries({
        objective,
        trees,
        features: count > 0 ? count : undefined,
        booster: at(learner, 'gradient_booster', 'name'),
        classes: at(parameters, 'num_class'),
        'base score': at(parameters, 'base_score'),
      })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, shown(String(value), 200)]),
    ),
  }
}

function typeOf(types: unknown, index: number): string {
  const type: unknown = Array.isArray(types) ? types[index] : undefined
  return typeof type === 'string' ? shown(type, 30) : 'float'
}

function at(value: unknown, ...path: string[]): unknown {
  let found = value
  for (const name of path) found = isRecord(found) && Object.hasOwn(found, name) ? found[name] : undefined
  return found
}
