import { expect, test } from 'vitest'
import { layOut, nodeSize } from './graph-layout.ts'

const node = (id: string, ...inputs: string[]) => ({ id, name: id, type: 'Op', inputs, details: {} })

test('each node stands below those that lead to it, and none upon another', () => {
  const graph = {
    nodes: [node('a'), node('b', 'a'), node('c', 'a'), node('d', 'b', 'c'), node('e', 'a', 'd')],
    complete: true,
  }
  const { nodes, edges, width, height } = layOut(graph)
  const at = new Map(nodes.map((one) => [one.id, one]))
  for (const { from, to } of edges) expect(at.get(from)!.y).toBeLessThan(at.get(to)!.y)
  expect(edges).toHaveLength(6)
  expect(Math.abs(at.get('b')!.x - at.get('c')!.x)).toBeGreaterThanOrEqual(nodeSize.width)
  expect(nodes.every(({ x, y }) => x >= 0 && y >= 0 && x + nodeSize.width <= width && y < height)).toBe(true)
})

test('what leads back, or to nowhere, is drawn all the same', () => {
  const { nodes, edges } = layOut({ nodes: [node('a', 'b', 'gone'), node('b', 'a')], complete: true })
  expect(nodes).toHaveLength(2)
  expect(edges).toHaveLength(2)
})

test('a graph of a thousand nodes has a place for each', () => {
  const nodes = Array.from({ length: 1000 }, (_, at) => node(`${at}`, ...(at > 0 ? [`${at - 1}`] : [])))
  expect(new Set(layOut({ nodes, complete: true }).nodes.map(({ y }) => y)).size).toBe(1000)
})
