import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { errorCatalogue } from './errors.ts'
import { contract, version } from './index.ts'
import { buildOpenApi, errorCodesOf } from './openapi.ts'
import { type RouteShape, route } from './route.ts'

const document = buildOpenApi(contract, version)
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
const shapes: RouteShape[] = Object.values(contract).flatMap((routes) => Object.values(routes))

test('is valid by the schema of OpenAPI 3.1', async () => {
  const validator = new Validator()
  const result = await validator.validate({ ...structuredClone(document) })
  expect(result.errors ?? []).toEqual([])
  expect(result.valid).toBe(true)
  expect(validator.version).toBe('3.1')
})

test('has every route of the contract, each under a name of its own', () => {
  expect(operations).toHaveLength(shapes.length)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(shapes.length)
  expect(document.paths['/api/v1/jobs/{job}']?.['get']?.operationId).toBe('job.show')
})

test('every reference leads somewhere, and every component is referred to', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1])
  const names = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`)
  expect(refs.length).toBeGreaterThan(50)
  expect(refs.filter((ref) => !names.includes(ref ?? ''))).toEqual([])
  expect(names.filter((name) => !refs.includes(name))).toEqual([])
})

test('is the same text every time', () => {
  expect(JSON.stringify(buildOpenApi(contract, version))).toBe(JSON.stringify(document))
})

test('tells what is sent from what comes back only where they differ', () => {
  const { schemas } = document.components
  expect(schemas['Job']).toBeDefined()
  expect(schemas['JobInput']).toBeUndefined()
  const spec = z.object({ size: z.number().default(1) }).meta({ id: 'TestSpec' })
  const outer = z.object({ spec }).meta({ id: 'TestOuter' })
  const routes = {
    put: route({ method: 'PUT', path: '/x', about: 'x', access: 'member', body: outer, response: outer }),
  }
  const made = buildOpenApi({ test: routes }, '1').components.schemas
  expect(Object.keys(made)).toEqual(['Error', 'TestOuter', 'TestOuterInput', 'TestSpec', 'TestSpecInput'])
  expect(made['TestSpec']?.required).toEqual(['size'])
  expect(made['TestSpecInput']?.required).toBeUndefined()
  expect(made['TestOuterInput']?.properties?.['spec']).toEqual({ $ref: '#/components/schemas/TestSpecInput' })
})

test('every route but the open ones asks for a key, and says what it answers without one', () => {
  for (const shape of shapes) {
    const operation = document.paths[shape.path.replaceAll(/:(\w+)/g, '{$1}')]?.[shape.method.toLowerCase()]
    expect(operation?.security.length, shape.path).toBe(shape.access === 'anyone' ? 0 : 2)
    const refuses = shape.access !== 'anyone' || errorCodesOf(shape).some((code) => errorCatalogue[code].status === 401)
    expect(operation?.responses['401'] !== undefined, shape.path).toBe(refuses)
    for (const code of errorCodesOf(shape)) {
      expect(operation?.responses[String(errorCatalogue[code].status)]?.description, shape.path).toContain(code)
    }
  }
})

test('path parameters are those of the path', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
    for (const { parameters } of Object.values(methods)) {
      expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(named)
    }
  }
})

test('describes streams, uploads and switches as what they are', () => {
  const follow = document.paths['/api/v1/jobs/{job}/logs/stream']?.['get']
  expect(follow?.responses['200']?.content?.['text/event-stream']?.schema).toEqual({
    $ref: '#/components/schemas/LogBlock',
  })
  expect(follow?.parameters.map(({ name }) => name)).toContain('Last-Event-ID')
  const upload = document.paths['/api/v1/workspaces']?.['post']
  expect(upload?.requestBody?.content['application/octet-stream']).toBeDefined()
  const list = document.paths['/api/v1/storage']?.['get']
  expect(list?.parameters.find(({ name }) => name === 'recursive')?.schema).toEqual({ type: 'boolean', default: false })
  expect(document.paths['/api/v1/jobs/{job}/stop']?.['post']?.requestBody?.required).toBe(false)
  expect(document.paths['/api/v1/jobs']?.['post']?.requestBody?.required).toBe(true)
})
