import '@mantine/core/styles/default-css-variables.css'
import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/Overlay.css'
import '@mantine/core/styles/Paper.css'
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Popover.css'
import '@mantine/core/styles/Menu.css'
import '@mantine/core/styles/Tooltip.css'
import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Modal.css'
import '@mantine/core/styles/Combobox.css'
import '@mantine/core/styles/Skeleton.css'
import './theme.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queries } from './api/query.ts'
import { router } from './router.ts'
import { theme } from './theme.ts'

// The code of the page, and what it shows, are asked for together with who one is, and not after it.
readPageAhead()
// So is its type: words that change their width when it comes would move.
void document.fonts.load('13px "Inter Variable"')

const schemes = localStorageColorSchemeManager({ key: 'nabla.theme' })

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      colorSchemeManager={schemes}
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)

interface PageRoute {
  options: {
    component?: { preload?: () => Promise<unknown> }
    loader?: (given: { params: unknown; deps: unknown; location: typeof router.latestLocation }) => unknown
  }
}

function readPageAhead(): void {
  const routes = router.routesById as unknown as Record<string, PageRoute>
  const location = router.latestLocation
  for (const { routeId, params, loaderDeps } of router.matchRoutes(location)) {
    const { component, loader } = routes[routeId]?.options ?? {}
    component?.preload?.().catch(() => undefined)
    loader?.({ params, deps: loaderDeps, location })
  }
}
