import { parentPort, workerData } from 'node:worker_threads'
import { closeEnd, type OpenEnd, type WriteAnswer, type WriteBatch, writeSteps } from './write-steps.ts'

/** Run as a thread: writes batches as they come, and gives the memory of each back, with the code of its error. */

const end: OpenEnd = { file: undefined }

parentPort?.on('message', (batch: WriteBatch) => {
  const memory = batch.bytes.buffer as ArrayBuffer
  const answer: WriteAnswer = { memory, failed: null }
  try {
    writeSteps((workerData as { root: string }).root, batch, end)
  } catch (error) {
    closeEnd(end)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    answer.failed = { code, message: String(error) }
  }
  parentPort?.postMessage(answer, [memory])
})
