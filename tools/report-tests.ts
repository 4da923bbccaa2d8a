/**
 * Says how the tests went, from vitest's JSON report: what failed, what was skipped, and last of all one line,
 * `N passed, N failed, N skipped`. Exits with 1 if anything failed.
 *
 *   node tools/report-tests.ts <report.json> [number of other steps that failed]
 */
import { existsSync, readFileSync } from 'node:fs'

interface Report {
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { fullName: string; status: string; failureMessages?: string[] | null }[]
  }[]
}

export interface Counts {
  passed: number
  failed: string[]
  skipped: string[]
}

/** Counts each test once, with the first line of what it failed of; a file that could not be loaded is one failure. */
export function countTests(report: Report): Counts {
  const counts: Counts = { passed: 0, failed: [], skipped: [] }
  for (const { name, status, message, assertionResults } of report.testResults) {
    for (const { fullName, status: outcome, failureMessages } of assertionResults) {
      const why = failureMessages?.[0]?.split('\n')[0]
      const named = why === undefined ? `${name}: ${fullName}` : `${name}: ${fullName} – ${why}`
      if (outcome === 'passed') counts.passed += 1
      else if (outcome === 'failed') counts.failed.push(named)
      else counts.skipped.push(`${name}: ${fullName}`)
    }
    const said = assertionResults.some((test) => test.status === 'failed')
    if (status === 'failed' && !said) counts.failed.push(`${name}: ${message.split('\n')[0]}`)
  }
  return counts
}

function say(path: string, otherFailures: number): void {
  const report = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Report) : { testResults: [] }
  const { passed, failed, skipped } = countTests(report)
  const here = `${process.cwd()}/`
  console.log()
  for (const name of skipped) console.log(`skipped: ${name.replace(here, '')}`)
  for (const name of failed) console.log(`FAILED: ${name.replace(here, '')}`)
  // A step that failed is counted on its own, but for the run of tests whose failures are counted already.
  const others = Math.max(0, otherFailures - (failed.length > 0 ? 1 : 0))
  const total = failed.length + others + (report.testResults.length === 0 && otherFailures === 0 ? 1 : 0)
  if (total > 0) process.exitCode = 1
  console.log(`${passed} passed, ${total} failed, ${skipped.length} skipped`)
}

if (import.meta.main) say(process.argv[2] ?? '', Number(process.argv[3] ?? 0))
