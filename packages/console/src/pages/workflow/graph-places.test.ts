import type { WorkflowJob } from '@nabla/api/workflow'
import { expect, test } from 'vitest'
import { nodeSize, placeJobs } from './graph-places.ts'

const job = (name: string, ...needs: string[]) => ({ name, needs }) as unknown as WorkflowJob

test('each job stands to the right of all that it needs, and none on another', () => {
  const { jobs, lines, width, height } = placeJobs([
    job('a'),
    job('b', 'a'),
    job('c', 'a'),
    job('d', 'b', 'c'),
    job('e'),
  ])
  const at = new Map(jobs.map((one) => [one.job.name, one]))
  expect(lines.map(({ from, to }) => `${from}-${to}`)).toEqual(['a-b', 'a-c', 'b-d', 'c-d'])
  for (const { from, to } of lines) expect(at.get(to)!.x).toBeGreaterThan(at.get(from)!.x + nodeSize.width)
  for (const { x, y } of jobs) {
    expect(x + nodeSize.width).toBeLessThanOrEqual(width)
    expect(y + nodeSize.height).toBeLessThanOrEqual(height)
    const there = jobs.filter((other) => other.x === x && Math.abs(other.y - y) < nodeSize.height)
    expect(there).toHaveLength(1)
  }
})

test('a line that leads past a column runs behind no job', () => {
  const { jobs, lines } = placeJobs([job('a'), job('b', 'a'), job('c', 'b'), job('d', 'a', 'c')])
  const long = lines.find(({ from, to }) => from === 'a' && to === 'd')!
  const level = Number(/ (\d+(?:\.\d+)?)H/.exec(long.path)![1])
  for (const { job, y } of jobs.filter(({ job }) => job.name === 'b' || job.name === 'c')) {
    expect(level < y || level > y + nodeSize.height, `${job.name} is crossed`).toBe(true)
  }
})

test('one job alone is a drawing as large as itself', () => {
  expect(placeJobs([job('only')])).toMatchObject({ width: nodeSize.width, height: nodeSize.height, lines: [] })
})
