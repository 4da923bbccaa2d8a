/*
 * A part of JupyterLab's page, as it is loaded there: https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html
 * Once a notebook is open, it tells Nabla's proxy so. The proxy answers with what the cells printed for pages that are
 * gone, and says of each message which cell it is about: here it is put into that cell.
 */
;(() => {
  const attachType = 'nabla_attach'

  /** One notebook that is open, and the kernel that it has. */
  function follow(panel, context) {
    let kernel = null
    let cancelled = false
    /** Where each display id was shown, by cell: indexes of its outputs. */
    const displays = new Map()

    const onMessage = (_, { msg, direction }) => {
      const cellId = msg.metadata && msg.metadata.nabla_cell
      if (direction !== 'recv' || typeof cellId !== 'string') return
      const cell = findCell(panel, cellId)
      if (cell) show(cell, msg, displays, kernel)
    }
    /** JupyterLab waits for up to a minute before it tries again: this looks whether there is an answer. */
    let looking = 0
    const comeBack = () => {
      window.clearTimeout(looking)
      if (cancelled || !kernel || kernel.isDisposed || kernel.connectionStatus === 'connected') return
      looking = window.setTimeout(async () => {
        const { baseUrl } = kernel.serverSettings
        const answer = await fetch(`${baseUrl}api/kernels/${kernel.id}`).catch(() => null)
        if (answer && answer.ok && !kernel.isDisposed && kernel.connectionStatus !== 'connected') {
          await kernel.reconnect().catch(() => undefined)
        }
        comeBack()
      }, 1500)
    }
    const attach = () => {
      comeBack()
      const now = panel.sessionContext.session && panel.sessionContext.session.kernel
      if (cancelled || !now || now.connectionStatus !== 'connected') return
      if (now !== kernel) {
        if (kernel && !kernel.isDisposed) kernel.anyMessage.disconnect(onMessage)
        kernel = now
        kernel.anyMessage.connect(onMessage)
      }
      const model = context.contentsModel || {}
      say(kernel, { path: context.path, loaded: model.last_modified || null })
    }
    void Promise.all([context.ready, panel.sessionContext.ready]).then(() => {
      attach()
      panel.sessionContext.kernelChanged.connect(attach)
      panel.sessionContext.connectionStatusChanged.connect(attach)
    })
    return () => {
      cancelled = true
      if (kernel && !kernel.isDisposed) kernel.anyMessage.disconnect(onMessage)
    }
  }

  function say(kernel, content) {
    const header = {
      msg_id: `${kernel.clientId}-${attachType}-${Math.random().toString(16).slice(2)}`,
      msg_type: attachType,
      session: kernel.clientId,
      username: '',
      date: new Date().toISOString(),
      version: '5.3',
    }
    const msg = { channel: 'shell', header, parent_header: {}, metadata: {}, content, buffers: [] }
    try {
      // It is answered by messages about others: there is nothing to wait for.
      kernel.sendShellMessage(msg, false, true).dispose()
    } catch {
      // A kernel that is dead has nothing to say.
    }
  }

  function findCell(panel, id) {
    return panel.content.widgets.find((cell) => cell.model && cell.model.type === 'code' && cell.model.id === id)
  }

  /** Does with a message what the cell would do if this page had run it. */
  function show(cell, msg, displays, kernel) {
    const { model } = cell
    const type = msg.header.msg_type
    const { content } = msg
    const displayId = content.transient && content.transient.display_id
    const shown = displays.get(model) || new Map()
    displays.set(model, shown)
    switch (type) {
      case 'clear_output':
        model.outputs.clear(content.wait)
        if (!content.wait) shown.clear()
        break
      case 'stream':
      case 'display_data':
      case 'execute_result':
      case 'error':
        model.trusted = true
        model.outputs.add({ ...content, output_type: type })
        if (displayId) shown.set(displayId, [...(shown.get(displayId) || []), model.outputs.length - 1])
        break
      case 'update_display_data':
        update(displays, displayId, { ...content, output_type: 'display_data' })
        break
      case 'execute_input':
        begin(cell)
        break
      case 'execute_reply':
        model.executionCount = content.execution_count === undefined ? null : content.execution_count
        if (content.status === 'aborted') end(cell, null)
        break
      case 'status':
        if (content.execution_state === 'idle') end(cell, model.executionCount)
        break
      case 'input_request':
        if (cell.outputArea && cell.outputArea.onInputRequest) {
          const sendInputReply = (reply, parent) => kernel.sendInputReply(reply, parent)
          cell.outputArea.onInputRequest(msg, { sendInputReply })
        }
        break
      default:
    }
  }

  function update(displays, displayId, output) {
    for (const [model, shown] of displays) {
      for (const place of shown.get(displayId) || []) {
        if (place < model.outputs.length) model.outputs.set(place, output)
      }
    }
  }

  function begin(cell) {
    cell.model.executionState = 'running'
    if (cell.setPrompt) cell.setPrompt('*')
  }

  function end(cell, count) {
    cell.model.executionState = 'idle'
    if (cell.setPrompt) cell.setPrompt(count ? String(count) : '')
  }

  const plugin = {
    id: 'nabla-outputs:plugin',
    autoStart: true,
    activate(app) {
      app.docRegistry.addWidgetExtension('Notebook', {
        createNew(panel, context) {
          const stop = follow(panel, context)
          return {
            isDisposed: false,
            dispose() {
              this.isDisposed = true
              stop()
            },
          }
        },
      })
    },
  }

  // The form in which webpack hands over what it has put together: a container with modules.
  const containers = '_JUPYTERLAB'
  globalThis[containers] = globalThis[containers] || {}
  globalThis[containers]['nabla-outputs'] = {
    init: () => undefined,
    get: async () => () => ({ __esModule: true, default: plugin }),
  }
})()
