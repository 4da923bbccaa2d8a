import { badInput } from '../errors.ts'
import { isObject, parseJson } from '../http/json-body.ts'

/** The body of a request of TensorFlow Serving, which may name a signature: there is one. */
export function parseRequest(body: Buffer): Record<string, unknown> {
  const request = parseJson(body)
  if (!isObject(request)) throw badInput('the body must be an object of JSON: {"instances": […]}')
  const name = request['signature_name']
  if (name !== undefined && name !== '' && name !== 'serving_default') {
    throw badInput(`there is no signature ${JSON.stringify(name)}: expected serving_default`)
  }
  return request
}
