import { Button, Select, Textarea, TextInput } from '@mantine/core'
import type { Deployment } from '@nabla/api/deployment'
import { deploymentStates } from '@nabla/api/deployment-states'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine, CopyText } from '../../parts/copy.tsx'
import { formatDuration } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import {
  curlOf,
  type Operation,
  operationsOf,
  predictLine,
  prettyBody,
  readHeaders,
  type Request,
} from './request-line.ts'

type Answer = Awaited<ReturnType<typeof client.deployment.send>>

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const

/** Sends one request as programs would, and shows the answer; with the line that sends the same from a shell. */
export function RequestForm({ deployment }: { deployment: Deployment }): ReactNode {
  const { id, name, path, spec, state } = deployment
  const form = useRequestFields(deployment)
  const { request, fault } = form
  const send = useAction({
    run: (given: Request) =>
      client.deployment.send({ deployment: id, body: { ...given, body: given.body === '' ? null : given.body } }),
    quiet: true,
  })
  const [answer, setAnswer] = useState<Answer>()
  const submit = async () => {
    if (fault !== undefined) return
    const found = await send.run(request)
    if (found) setAnswer(found)
  }
  return (
    <div className="deployment-try">
      <Panel title="Request">
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault()
            void submit()
          }}
        >
          <Fields form={form} />
          {!deploymentStates[state].serving && (
            <p className="muted">
              {state === 'starting'
                ? 'It is starting: a request waits until it is ready.'
                : 'It does not answer now: start it first.'}
            </p>
          )}
          <ErrorNote error={send.error} />
          <div className="row" style={{ justifyContent: 'flex-end' }}>
            <Button type="submit" variant="filled" loading={send.pending} disabled={fault !== undefined}>
              Send
            </Button>
          </div>
          <CopyText
            value={curlOf(`${location.origin}${path}`, request, spec.auth.kind !== 'public')}
            label="The same with curl"
            prompt
          />
          <CommandLine line={predictLine(name, request)} />
        </form>
      </Panel>
      <Panel title="Answer">
        {answer ? <AnswerView answer={answer} /> : <p className="muted">What it answers is shown here.</p>}
      </Panel>
    </div>
  )
}

interface RequestFields {
  operations: readonly Operation[]
  choose: (operation: Operation) => void
  method: Request['method']
  setMethod: (method: Request['method']) => void
  path: string
  setPath: (path: string) => void
  headers: string
  setHeaders: (headers: string) => void
  body: string
  setBody: (body: string) => void
  request: Request
  fault: string | undefined
}

/** What is asked for; it begins with the first operation that the program tells of. */
function useRequestFields(deployment: Deployment): RequestFields {
  const [method, setMethod] = useState<Request['method']>('GET')
  const [path, setPath] = useState('/')
  const [headers, setHeaders] = useState('')
  const [body, setBody] = useState('')
  const [touched, setTouched] = useState(false)
  const operations = useOperations(deployment)
  const choose = (operation: Operation) => {
    setMethod(operation.method)
    setPath(operation.path)
    setBody(operation.body)
  }
  useEffect(() => {
    const [first] = operations
    if (first && !touched) choose(first)
  }, [operations])
  const touching =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      setTouched(true)
      set(value)
    }
  const read = readHeaders(headers)
  const typed = 'headers' in read ? read.headers : {}
  const hasType = Object.keys(typed).some((name) => name.toLowerCase() === 'content-type')
  const isJson = body.trim() !== '' && prettyBody(body) !== body ? true : /^\s*[[{"]/.test(body)
  const usual: Record<string, string> = body === '' || hasType || !isJson ? {} : { 'content-type': 'application/json' }
  return {
    operations,
    choose: touching(choose),
    method,
    setMethod: touching(setMethod),
    path,
    setPath: touching(setPath),
    headers,
    setHeaders: touching(setHeaders),
    body,
    setBody: touching(setBody),
    request: { method, path, headers: { ...usual, ...typed }, body: method === 'GET' || method === 'HEAD' ? '' : body },
    fault: 'fault' in read ? read.fault : path.startsWith('/') ? undefined : 'A path begins with a slash.',
  }
}

/** What the program says of itself at `/openapi.json`: the built-in server does, and many others. */
function useOperations({ id, state, serving }: Deployment): readonly Operation[] {
  const { data } = useQuery({
    queryKey: ['deployment', 'operations', id, serving],
    enabled: deploymentStates[state].serving && state !== 'sleeping',
    async queryFn({ signal }) {
      const asked = { method: 'GET' as const, path: '/openapi.json' }
      const { status, body } = await client.deployment.send({ deployment: id, body: asked }, { signal })
      return status === 200 ? operationsOf(body) : []
    },
  })
  return data ?? none
}

const none: readonly Operation[] = []

function Fields({ form }: { form: RequestFields }): ReactNode {
  const { operations, method, path, headers, body, fault } = form
  const nameOf = (one: Operation) => `${one.method} ${one.path}`
  return (
    <>
      {operations.length > 0 && (
        <Select
          label="Operation"
          data={operations.map((one) => ({
            value: nameOf(one),
            label: one.summary === '' ? nameOf(one) : `${nameOf(one)} · ${one.summary}`,
          }))}
          value={operations.some((one) => nameOf(one) === `${method} ${path}`) ? `${method} ${path}` : null}
          placeholder="another"
          onChange={(chosen) => {
            const one = operations.find((operation) => nameOf(operation) === chosen)
            if (one) form.choose(one)
          }}
          searchable
        />
      )}
      <div className="deployment-sent">
        <Select
          label="Method"
          data={[...methods]}
          value={method}
          allowDeselect={false}
          onChange={(next) => form.setMethod(next as Request['method'])}
        />
        <TextInput
          label="Path"
          value={path}
          error={fault === undefined || headers !== '' ? undefined : fault}
          onChange={({ currentTarget: { value } }) => form.setPath(value)}
          className="mono-field"
          spellCheck={false}
          autoComplete="off"
        />
      </div>
      {method !== 'GET' && method !== 'HEAD' && (
        <Textarea
          label="Body"
          value={body}
          onChange={({ currentTarget: { value } }) => form.setBody(value)}
          className="deployment-body"
          spellCheck={false}
        />
      )}
      <Textarea
        label="Headers"
        description="One a line. A body of JSON is said to be one by itself."
        placeholder="Accept: application/json"
        value={headers}
        error={headers === '' ? undefined : fault}
        onChange={({ currentTarget: { value } }) => form.setHeaders(value)}
        className="mono-field"
        autosize
        minRows={1}
        spellCheck={false}
      />
    </>
  )
}

function AnswerView({ answer }: { answer: Answer }): ReactNode {
  const { status, durationMs, revision, body, truncated, headers } = answer
  return (
    <div className="stack">
      <p className="deployment-status" role="status">
        <strong className="number">{status}</strong>
        <span>{status < 400 ? 'answered' : status < 500 ? 'refused' : 'failed'}</span>
        <span className="muted number">{formatDuration(durationMs)}</span>
        {revision !== null && <span className="muted number">revision {revision}</span>}
      </p>
      <pre className="deployment-lines" tabIndex={0} aria-label="Body of the answer">
        {body === '' ? 'It has no body.' : prettyBody(body)}
      </pre>
      {truncated && <p className="muted">The first MB of it.</p>}
      <details>
        <summary>{Object.keys(headers).length} headers</summary>
        <pre className="deployment-lines" tabIndex={0} aria-label="Headers of the answer">
          {Object.entries(headers)
            .map(([name, value]) => `${name}: ${value}`)
            .join('\n')}
        </pre>
      </details>
    </div>
  )
}
