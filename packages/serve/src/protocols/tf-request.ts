import { badInput } from '../errors.ts'
import { isObject, parseJson } from '../http/json-body.ts'

/** Models of its own samples have signatures that are called like what they are for. */
const names = new Set([
  '',
  'serving_default',
  ...['predict', 'classify', 'regress'].map((verb) => `tensorflow/serving/${verb}`),
])

/** The body of a request of TensorFlow Serving, which may name a signature: there is one. */
export function parseRequest(body: Buffer): Record<string, unknown> {
  const request = parseJson(body)
  if (!isObject(request)) throw badInput('the body must be an object of JSON: {"instances": […]}')
  const name = request['signature_name']
  if (name !== undefined && !(typeof name === 'string' && names.has(name))) {
    throw badInput(`there is no signature ${JSON.stringify(name)}: expected serving_default`)
  }
  return request
}
