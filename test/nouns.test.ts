import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contract, type Noun } from '@nabla/api'
import { describe, expect, test } from 'vitest'
import { root } from './sources.ts'

const server = 'packages/server/src/'
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('nouns', () => {
  /** The page of the guide that explains each noun. */
  const guides: Record<Noun, string> = {
    job: 'jobs',
    experiment: 'experiments',
    sweep: 'sweeps',
    notebook: 'notebooks',
    artifact: 'storage-and-artifacts',
    project: 'jobs',
    workspace: 'workspaces',
    storage: 'storage-and-artifacts',
    dataset: 'data',
    model: 'models',
    deployment: 'deployments',
    run: 'tracking',
    tensorboard: 'tracking',
    workflow: 'workflows',
    tree: 'data',
    secret: 'jobs',
    registry: 'images',
    image: 'images',
    'machine-type': 'machine-types-and-queue',
    event: 'jobs',
    key: 'accounts-and-teams',
    team: 'accounts-and-teams',
    user: 'accounts-and-teams',
    session: 'console',
    server: 'running-the-server',
  }
  /** Nouns without a command file of their own, and where their commands are. */
  const withoutCommand: Partial<Record<Noun, string>> = {
    tree: 'made by what sends files; `nabla fsck` checks what is stored',
    server: '`nabla up`, `nabla doctor` and `nabla version`',
  }

  test.each(Object.keys(contract) as Noun[])('%s has its contract, server, command and guide', (noun) => {
    expect(existsSync(join(root, `packages/api/src/${noun}.ts`))).toBe(true)
    expect(existsSync(join(root, `${server}kinds/${noun}.ts`))).toBe(true)
    expect(existsSync(join(root, `packages/cli/src/commands/${noun}.ts`))).toBe(withoutCommand[noun] === undefined)
    expect(read(`docs/guide/${guides[noun]}.md`)).toMatch(new RegExp(noun.replace('-', '[- ]'), 'i'))
  })
})
