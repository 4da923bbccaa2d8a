/**
 * Opens a tab of its own for a page whose address has to be asked for. The tab is there before the address is known:
 * browsers let a page open one only while a click is being answered. Where they refuse, the page itself goes there.
 * Throws what `ask` throws; the tab is then gone again.
 */
export async function openTab(ask: () => Promise<{ url: string }>): Promise<true> {
  const tab = window.open('', '_blank')
  try {
    const { url } = await ask()
    if (tab) {
      tab.opener = null
      tab.location.href = url
    } else location.href = url
    return true
  } catch (error) {
    tab?.close()
    throw error
  }
}
