import { useState } from 'react'
import type { z } from 'zod'
import { issueText } from './issue-text.ts'

export interface SchemaForm<Shape extends z.ZodObject> {
  values: Partial<z.input<Shape>>
  /** Changes one field, and marks it as touched: its error is shown from then on. */
  set: <K extends keyof z.input<Shape>>(key: K, value: z.input<Shape>[K]) => void
  /** Spread onto a Mantine text field: value, change, error. */
  text: (key: keyof z.input<Shape> & string) => {
    value: string
    error: string | undefined
    onChange: (event: { currentTarget: { value: string } }) => void
    onBlur: () => void
  }
  /** What is wrong with each field that was touched. */
  errors: Record<string, string | undefined>
  /** What will be sent; undefined while something is wrong. */
  output: z.output<Shape> | undefined
  /** Shows all errors; call it when somebody tries to send. */
  showAll: () => void
  reset: (values: Partial<z.input<Shape>>) => void
}

/** A form that the contract validates as one types. `schema` is the body of a route, such as `createJob`. */
export function useSchemaForm<Shape extends z.ZodObject>(
  schema: Shape,
  initial: Partial<z.input<Shape>>,
): SchemaForm<Shape> {
  const [values, setValues] = useState(initial)
  const [touched, setTouched] = useState<ReadonlySet<string> | 'all'>(new Set())
  const parsed = schema.safeParse(values)
  const errors: Record<string, string | undefined> = {}
  for (const issue of parsed.success ? [] : parsed.error.issues) {
    const field = String(issue.path[0] ?? '')
    if (touched === 'all' || touched.has(field)) errors[field] ??= issueText(issue)
  }
  const touch = (key: string) => setTouched((now) => (now === 'all' ? now : new Set([...now, key])))
  const set: SchemaForm<Shape>['set'] = (key, value) => {
    setValues((now) => ({ ...now, [key]: value }))
    touch(String(key))
  }
  return {
    values,
    set,
    text: (key) => ({
      value: String(values[key] ?? ''),
      error: errors[key],
      onChange: ({ currentTarget: { value } }) => set(key, (value === '' ? undefined : value) as never),
      onBlur: () => (values[key] === undefined ? undefined : touch(key)),
    }),
    errors,
    output: parsed.success ? parsed.data : undefined,
    showAll: () => setTouched('all'),
    reset: (next) => {
      setValues(next)
      setTouched(new Set())
    },
  }
}
