/**
 * For `lazy`: what is loaded is asked for at once, and not only when it is first drawn. If that failed it is asked for
 * again when it is.
 */
export function soon<Module>(load: () => Promise<Module>): () => Promise<Module> {
  const first = load()
  first.catch(() => undefined)
  return () => first.catch(load)
}
