import type { JsonSchema, OpenApiParameter } from '@nabla/api/openapi'
import { escapeHtml, prose } from './page.ts'

/** A table of parameters, as HTML; empty where there are none. */
export function parameterTable(title: string, parameters: readonly OpenApiParameter[]): string {
  const rows = parameters.map(({ name, schema, required, description }) =>
    row(name, { ...schema, ...(description === undefined ? {} : { description }) }, required, 0),
  )
  return table(title, rows)
}

/** The fields of a schema as HTML: a table, a link where it has a name of its own, or a word for what it is. */
export function schemaFields(title: string, schema: JsonSchema): string {
  if (schema.oneOf) return schema.oneOf.map((variant) => schemaFields(variantTitle(title, variant), variant)).join('')
  const rows = fieldRows(schema, 0)
  if (rows.length > 0) return table(title, rows)
  return `<h4>${escapeHtml(title)}</h4><p>${typeText(schema)}</p>`
}

/** What a schema is, in a few words of HTML. */
export function typeText(schema: JsonSchema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/components/schemas/', '')
    return `<a href="#shape-${name}">${name}</a>`
  }
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`
  if (schema.enum) return schema.enum.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' ')
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) return branches.map(typeText).join(' or ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ ...schema, type })).join(' or ')
  if (schema.type === 'array')
    return `list of ${schema.items ? typeText(schema.items).replace(/(number|object|time)$/, '$1s') : 'anything'}`
  if (schema.type === 'object' && !schema.properties) {
    const values = schema.additionalProperties
    return typeof values === 'object' && Object.keys(values).length > 0 ? `map of ${typeText(values)}` : 'object'
  }
  if (schema.format === 'date-time') return 'time'
  if (schema.format === 'binary') return 'bytes'
  return typeNames[schema.type ?? ''] ?? 'anything'
}

const typeNames: Record<string, string> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
}

function fieldRows(schema: JsonSchema, depth: number): string[] {
  const isRequired = (name: string) => schema.required?.includes(name) ?? false
  const fields = Object.entries(schema.properties ?? {})
  return fields
    .toSorted(([a], [b]) => Number(isRequired(b)) - Number(isRequired(a)))
    .flatMap(([name, field]) => {
      const inner = [field, field.items, ...(field.anyOf ?? [])].find((one) => one?.properties)
      const nested = inner ? fieldRows(inner, depth + 1) : []
      return [row(name, field, isRequired(name), depth), ...nested]
    })
}

function row(name: string, schema: JsonSchema, required: boolean, depth: number): string {
  const indent = depth > 0 ? ` class="in${Math.min(depth, 3)}"` : ''
  const notes = [
    schema.description === undefined ? '' : prose(schema.description),
    boundsText(schema),
    schema.default === undefined ? '' : `Default <code>${escapeHtml(JSON.stringify(schema.default))}</code>.`,
  ]
  return (
    `<tr><th scope="row"${indent}><code>${escapeHtml(name)}</code>${required ? '' : ' <i>optional</i>'}</th>` +
    `<td>${typeText(schema)}</td><td>${notes.filter(Boolean).join(' ')}</td></tr>`
  )
}

function boundsText(schema: JsonSchema): string {
  const { minimum, maximum } = [schema, ...(schema.anyOf ?? [])].find((one) => one.maximum !== undefined) ?? schema
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}.`
  return minimum === undefined || minimum === 0 ? '' : `At least ${minimum}.`
}

function variantTitle(title: string, variant: JsonSchema): string {
  const [name, field] = Object.entries(variant.properties ?? {}).find(([, one]) => one.const !== undefined) ?? []
  return name === undefined ? title : `${title}, where ${name} is ${JSON.stringify(field?.const)}`
}

function table(title: string, rows: readonly string[]): string {
  if (rows.length === 0) return ''
  const head = '<thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>'
  return `<h4>${escapeHtml(title)}</h4><table><colgroup><col><col><col></colgroup>${head}<tbody>${rows.join('')}</tbody></table>`
}
