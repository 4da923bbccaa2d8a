import { parentPort, workerData } from 'node:worker_threads'
import { closeEnd, type OpenEnd, type WriteBatch, writeSteps } from './write-steps.ts'

/** Run as a thread: writes batches as they come, and answers each with null or the code of its error. */

const end: OpenEnd = { file: undefined }

parentPort?.on('message', (batch: WriteBatch) => {
  let answer: { code: string; message: string } | null = null
  try {
    writeSteps((workerData as { root: string }).root, batch, end)
  } catch (error) {
    closeEnd(end)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    answer = { code, message: String(error) }
  }
  parentPort?.postMessage(answer, [])
})
