import { defineConfig } from 'vitest/config'

const node = {
  environment: 'node' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // The usual second is short where many tests share few processors.
  expect: { poll: { timeout: 15_000 } },
}

/**
 * Tests with a Podman of their own. They go one after the other, when all else is done: several Podmans do not know of one
 * another, and give the same addresses and ports of the machine to their containers.
 */
const withPodman = [
  'packages/server/src/engines/docker/**/*.test.ts',
  'packages/server/src/kinds/*/image.test.ts',
  'test/system/container.test.ts',
]

/** Where CI reads how each test ended. */
const report = process.env['NABLA_TEST_REPORT']

export default defineConfig({
  test: {
    // Most tests wait for processes, disks and browsers more than they compute.
    maxWorkers: '100%',
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      { test: { ...node, name: 'house', include: ['test/*.test.ts'] } },
      { test: { ...node, name: 'api', include: ['packages/api/src/**/*.test.ts'] } },
      {
        test: {
          ...node,
          name: 'server',
          include: ['packages/server/src/**/*.test.ts'],
          exclude: withPodman,
          globalSetup: ['packages/server/src/testing/global-setup.ts'],
        },
      },
      { test: { ...node, name: 'serve', include: ['packages/serve/src/**/*.test.ts'] } },
      { test: { ...node, name: 'cli', include: ['packages/cli/src/**/*.test.ts'] } },
      {
        test: {
          ...node,
          name: 'console',
          include: ['packages/console/src/**/*.test.ts'],
          testTimeout: 60_000,
          globalSetup: ['packages/console/src/testing/global-setup.ts'],
        },
      },
      {
        test: {
          ...node,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: withPodman,
          testTimeout: 180_000,
        },
      },
      {
        test: {
          ...node,
          name: 'containers',
          include: withPodman,
          globalSetup: ['packages/server/src/testing/global-setup.ts'],
          testTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
