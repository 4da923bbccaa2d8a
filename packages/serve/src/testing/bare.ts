import ort from 'onnxruntime-node'

/** The runtime alone, in a loop on one thread: rows per second at this batch size. */
export async function runBare(
  file: string,
  input: string,
  row: readonly number[],
  batch: number,
  ms: number,
): Promise<number> {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const count = row.reduce((product, length) => product * length, batch)
  const tensor = new ort.Tensor('float32', new Float32Array(count).fill(0.5), [batch, ...row])
  for (let warm = 0; warm < 20; warm++) await session.run({ [input]: tensor })
  const began = performance.now()
  let runs = 0
  while (performance.now() - began < ms) {
    await session.run({ [input]: tensor })
    runs += 1
  }
  return (runs * batch * 1000) / (performance.now() - began)
}
