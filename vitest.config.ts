import { defineConfig } from 'vitest/config'

const node = { environment: 'node' as const, testTimeout: 30_000, hookTimeout: 60_000 }

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
          globalSetup: ['packages/console/src/testing/global-setup.ts'],
        },
      },
      { test: { ...node, name: 'system', include: ['test/system/**/*.test.ts'], testTimeout: 180_000 } },
    ],
  },
})
